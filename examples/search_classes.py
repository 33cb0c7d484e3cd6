"""A search from Python: find a network, see the trials, take the model away."""

from sklearn.datasets import load_wine

from cerebros.report import write_picture
from cerebros.search import search_networks
from cerebros.spaces import RandomWiring
from cerebros.training import Problem, TrainingSettings

features, kinds = load_wine(return_X_y=True, as_frame=True)

result = search_networks(
    Problem.classification(features, kinds, seed=1),
    space=RandomWiring(levels=(2, 3), units=(1, 3), neurons=(4, 16)),
    n_architectures=4,
    training=TrainingSettings(epochs=60, learning_rate=0.01),
    seed=1,
    out="wine-search",
)
print(result.trials()[["trial", "score", "levels", "units", "parameters", "seconds"]])
for rows, metrics in result.scores().items():
    print(f"{rows:17}", {name: round(value, 3) for name, value in metrics.items()})
result.best_model().save("wine.keras")
write_picture("wine.html", result.best_trial.plan, title="best network")
