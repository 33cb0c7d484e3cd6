"""What a network is: immutable, checked, plain data. Standard library only."""

from cerebros.plan._activations import ACTIVATIONS as ACTIVATIONS
from cerebros.plan._activations import GATES as GATES
from cerebros.plan._activations import unknown_name as unknown_name
from cerebros.plan._describe import describe_connection as describe_connection
from cerebros.plan._describe import describe_plan as describe_plan
from cerebros.plan._describe import describe_step as describe_step
from cerebros.plan._describe import summarize_plan as summarize_plan
from cerebros.plan._draft import Draft as Draft
from cerebros.plan._draft import Node as Node
from cerebros.plan._json import plan_from_json as plan_from_json
from cerebros.plan._json import plan_id as plan_id
from cerebros.plan._json import plan_to_json as plan_to_json
from cerebros.plan._network import Connection as Connection
from cerebros.plan._network import Dense as Dense
from cerebros.plan._network import Dropout as Dropout
from cerebros.plan._network import Merge as Merge
from cerebros.plan._network import NetworkPlan as NetworkPlan
from cerebros.plan._network import Normalize as Normalize
from cerebros.plan._network import Step as Step
from cerebros.plan._network import Unit as Unit
