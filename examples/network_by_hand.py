"""A network written by hand: two inputs, a gate, a sum, a lateral wire, two outputs."""

from pathlib import Path

from cerebros.lowering import to_keras
from cerebros.plan import Dense, Draft, Dropout, Normalize, describe_plan
from cerebros.report import write_picture

net = Draft()
table, text = net.input(12), net.input(64)
a = net.unit(table, Normalize(), Dense(8, "elu"))
b = net.unit([text, a.gated("sigmoid")], Dense(8, "elu"), level=1)  # sideways, gated
c = net.unit([a, b], Dropout(0.1), Dense(8, "relu"), Normalize(), merge="add")
price = net.unit([c.times(2), table], Normalize(), Dense(1))  # a skip connection
sold = net.unit([a, c], Dense(1, "sigmoid"))
plan = net.plan([price, sold])

print(describe_plan(plan))
write_picture(Path("network.html"), plan, title="written by hand")
to_keras(plan).summary()
