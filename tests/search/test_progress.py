"""What a person is told of a search: lines, a panel, or nothing."""

import io
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import CONTEXT, METRIC, a_plan
from rich.console import Console

from cerebros.search import (
    Lines,
    Silent,
    Trial,
    duration,
    number_text,
    progress_of,
    ranked,
)
from cerebros.search import _progress as progress_module
from cerebros.search._panel import Panel
from cerebros.search._progress import Standings
from cerebros.training import Status


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

        @classmethod
        def monotonic(cls):
            return cls.now

    monkeypatch.setattr(progress_module, "time", Clock)
    return Clock


def trial(number, score, status=Status.FINISHED, *, error=None, seconds=1.5):
    return Trial(number, a_plan(), status, score, error=error, seconds=seconds)


# --- Lines --------------------------------------------------------------------------


def test_a_line_for_each_trial(clock):
    stream = io.StringIO()
    lines = Lines(stream)
    with lines.running(4, [], CONTEXT):
        lines.epoch(0, 0, {METRIC: 3.0})
        lines.trial(trial(0, 3.14159265))
        lines.trial(trial(1, None, Status.FAILED, error="RuntimeError: no luck"))
        lines.trial(trial(2, 12345.678, seconds=71.25))
        lines.trial(trial(3, 2.5, Status.STOPPED_EARLY))
        clock.now += 125
    assert stream.getvalue() == (
        f"trial    0  {METRIC} 3.1416  finished  1.5 s  (best so far)\n"
        f"trial    1  {METRIC} no score  failed  1.5 s  RuntimeError: no luck\n"
        f"trial    2  {METRIC} 12,346  finished  71.2 s\n"
        f"trial    3  {METRIC} 2.5  stopped_early  1.5 s  (best so far)\n"
        "4 of 4 trials done in 2 min 05 s\n"
    )


def test_going_on_says_how_much_was_there_and_remembers_the_best(clock):
    stream = io.StringIO()
    lines = Lines(stream)
    done = [trial(0, 1.0), trial(1, 0.5, Status.INTERRUPTED)]
    with lines.running(3, done, CONTEXT):
        lines.trial(trial(2, 2.0))
        clock.now += 3
    assert stream.getvalue() == (
        "going on after 1 stored trials\n"
        f"trial    2  {METRIC} 2  finished  1.5 s\n"
        "2 of 3 trials done in 3 s\n"
    )


def test_an_interrupted_trial_is_no_best(clock):
    stream = io.StringIO()
    lines = Lines(stream)
    with lines.running(2, [], CONTEXT):
        lines.trial(trial(0, 5.0))
        lines.trial(trial(1, 1.0, Status.INTERRUPTED))
    assert stream.getvalue().splitlines()[1:] == [
        f"trial    1  {METRIC} 1  interrupted  1.5 s",
        "1 of 2 trials done in 0 s",
    ]


def test_of_many_trials_only_new_bests_get_a_line_and_the_rest_a_summary(clock):
    stream = io.StringIO()
    lines = Lines(stream)
    with lines.running(200, [], CONTEXT):
        lines.trial(trial(0, 5.0))
        for number in range(1, 20):
            lines.trial(trial(number, 6.0))
        clock.now += 4
        lines.trial(trial(20, None, Status.FAILED, error="RuntimeError: no luck"))
        clock.now += 1
        lines.trial(trial(21, 7.0))
        for number in range(22, 40):
            lines.trial(trial(number, 8.0))
        lines.trial(trial(40, 4.0))
        for number in range(50, 66):
            for epoch in range(number % 3 + 1):
                lines.epoch(number, epoch, {METRIC: number / 10})
        clock.now += 5
        for number in range(50, 66):
            lines.epoch(number, 3, {METRIC: number / 10})
    assert stream.getvalue().splitlines() == [
        f"trial    0  {METRIC} 5  finished  1.5 s  (best so far)",
        "22 of 200 trials done, 1 failed, about 40 s left",
        f"trial   40  {METRIC} 4  finished  1.5 s  (best so far)",
        (
            "41 of 200 trials done, 1 failed, about 14 s left; now 16 networks, epoch "
            "1–4 of 4, best 5"
        ),
        "41 of 200 trials done in 10 s",
    ]


def test_fifty_trials_still_get_a_line_each(clock):
    stream = io.StringIO()
    lines = Lines(stream)
    with lines.running(50, [], CONTEXT):
        for number in range(50):
            lines.epoch(number, 0, {METRIC: 1.0})
            lines.trial(trial(number, 5.0 + number))
            clock.now += 10
    assert len(stream.getvalue().splitlines()) == 51


def test_lines_go_to_the_error_stream(clock, capsys):
    with Lines().running(1, [], CONTEXT):
        pass
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "0 of 1 trials done in 0 s\n"


def test_after_an_interrupt_it_is_said_how_far_the_search_got(clock):
    stream = io.StringIO()
    lines = Lines(stream)

    def interrupted():
        with lines.running(3, [], CONTEXT):
            lines.trial(trial(0, 5.0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert stream.getvalue().splitlines()[-1] == "1 of 3 trials done in 0 s"


def test_silence_says_nothing(capsys):
    silent = Silent()
    with silent.running(1, [], CONTEXT):
        silent.epoch(0, 0, {})
        silent.trial(trial(0, 1.0))
    assert capsys.readouterr() == ("", "")


# --- The panel ----------------------------------------------------------------------


def recording_console(width):
    return Console(record=True, width=width, file=io.StringIO(), force_terminal=True)


def panel_on(width=100):
    return Panel(recording_console(width))


def text_of(panel):
    """What the panel shows now."""
    console = recording_console(200)
    console.print(panel._render())
    return console.export_text()


def test_the_panel_shows_done_best_now_and_time(clock):
    panel = panel_on()
    with panel.running(4, [], CONTEXT):
        text = text_of(panel)
        assert "0 of 4 trials" in text
        assert "none yet" in text
        assert "building the first network" in text
        assert "left" not in text

        panel.epoch(0, 2, {METRIC: 3.14159265, "loss": 9.0})
        assert "trial 0, epoch 3 of 4, 3.1416" in text_of(panel)

        clock.now += 60
        panel.trial(trial(0, 3.0))
        text = text_of(panel)
        assert "1 of 4 trials" in text
        assert f"3  {METRIC}, trial 0 " in text
        assert "building the next network" in text
        assert "1 min 00 s, about 3 min 00 s left" in text
        clock.now += 30
        assert "1 min 30 s, about 2 min 30 s left" in text_of(panel)

        panel.trial(trial(1, None, Status.FAILED))
        panel.trial(trial(2, 1.0, Status.INTERRUPTED))
        text = text_of(panel)
        assert "2 of 4 trials, 1 failed" in text
        assert f"3  {METRIC}, trial 0 " in text

        panel.trial(trial(3, 2.0))
        panel.trial(trial(2, 2.5))
        text = text_of(panel)
        assert "4 of 4 trials" in text
        assert f"2  {METRIC}, trial 3 " in text
        assert "left" not in text
        assert "building" not in text


def test_the_panel_goes_on_where_an_earlier_run_stopped(clock):
    panel = panel_on()
    with panel.running(4, [trial(0, 3.0), trial(1, 2.0)], CONTEXT):
        text = text_of(panel)
        assert "2 of 4 trials" in text
        assert f"2  {METRIC}, trial 1 " in text
        assert "left" not in text  # this run has no trial to judge by
        clock.now += 10
        panel.trial(trial(2, 4.0))
        assert "10 s, about 10 s left" in text_of(panel)


def test_of_a_population_the_panel_shows_how_many_how_far_and_the_best(clock):
    panel = panel_on()
    with panel.running(64, [], CONTEXT):
        for number in range(16):
            for epoch in range(2):
                panel.epoch(number, epoch, {METRIC: 10.0 - number + epoch})
        assert "16 networks, epoch 2 of 4, best -5" in text_of(panel)
        for number in range(16, 24):
            panel.epoch(number, 0, {METRIC: float("nan")})
        assert "24 networks, epoch 1–2 of 4, best -5" in text_of(panel)
        for number in range(1, 24):
            panel.trial(trial(number, 10.0 - number))
        assert "trial 0, epoch 2 of 4, 11" in text_of(panel)
        panel.trial(trial(0, 10.0))
        assert "building the next network" in text_of(panel)


def test_networks_without_a_finite_value_have_no_best(clock):
    panel = panel_on()
    with panel.running(64, [], CONTEXT):
        for number in range(3):
            panel.epoch(number, 0, {"loss": 3.0})
        (line,) = [line for line in text_of(panel).splitlines() if "networks" in line]
        assert "3 networks, epoch 1 of 4" in line
        assert "best" not in line


def test_epochs_may_come_from_several_threads_while_the_panel_is_drawn():
    panel = panel_on()

    def report(first):
        for number in range(first, first + 400):
            for epoch in range(4):
                panel.epoch(number, epoch, {METRIC: 1.0})

    with panel.running(2000, [], CONTEXT):
        threads = [threading.Thread(target=report, args=(1000 * i,)) for i in range(3)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            text_of(panel)
            panel.trial(trial(5000, 1.0, Status.INTERRUPTED))
        assert "1200 networks, epoch 4 of 4" in text_of(panel)


# A replaced trial, a worse one, a failed one: what is kept while they come equals what
# all of them together would give.
@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.none() | st.integers(0, 3),
            st.sampled_from([Status.FINISHED, Status.INTERRUPTED]),
        )
    )
)
def test_the_best_and_the_counts_are_those_of_all_trials_so_far(events):
    standings, stored = Standings(9, [], CONTEXT), {}
    for number, score, status in events:
        if number in stored and stored[number].status.is_final:
            continue
        stored[number] = trial(number, score, status)
        standings.add(stored[number])
        best = next(iter(ranked(stored.values(), CONTEXT.objective)), None)
        assert standings.best is best
    final = [t for t in stored.values() if t.status.is_final]
    assert standings.n_done == len(final)
    assert standings.n_failed == sum(t.score is None for t in final)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_panel_fits_the_terminal(clock, width):
    panel = panel_on(width)
    with panel.running(4, [], CONTEXT):
        panel.trial(trial(0, 123456.789))
        lines = text_of(panel).splitlines()
    assert max(map(len, lines)) <= min(width, 92)


def test_the_last_state_of_the_panel_stays_on_the_terminal(clock):
    console = recording_console(100)
    panel = Panel(console)
    with panel.running(1, [], CONTEXT):
        panel.trial(trial(0, 3.0))
    assert "1 of 1 trials" in console.export_text()


# --- Which one ----------------------------------------------------------------------


def test_a_progress_display_is_chosen_by_name():
    assert isinstance(progress_of("lines"), Lines)
    assert isinstance(progress_of("none"), Silent)
    with pytest.raises(TypeError, match=r"show must be .*'none'.*got False"):
        progress_of(False)
    assert isinstance(progress_of("panel"), Panel)
    mine = Silent()
    assert progress_of(mine) is mine


@pytest.mark.parametrize(("is_terminal", "kind"), [(True, Panel), (False, Lines)])
def test_a_terminal_gets_a_panel_and_a_log_gets_lines(monkeypatch, is_terminal, kind):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    assert isinstance(progress_of("auto"), kind)


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="'auto', 'panel', 'lines' or 'none', not 'x'"):
        progress_of("x")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0 s"), (41.4, "41 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"),
        (3599.7, "1 h 00 min"), (7500, "2 h 05 min"), (360_000, "100 h 00 min"),
    ],
)  # fmt: skip
def test_durations_are_words(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.000123456, "0.00012346"), (3.14159265, "3.1416"), (-2.5, "-2.5"),
        (9999.4, "9999.4"), (12345.678, "12,346"), (-25980.2, "-25,980"),
        (float("nan"), "nan"), (float("inf"), "inf"),
    ],
)  # fmt: skip
def test_numbers_are_short(value, text):
    assert number_text(value) == text
