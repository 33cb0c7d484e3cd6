"""Training many networks of few wide levels at once: each with its own rows and rates.

Loads JAX.
"""

from cerebros.training.levels._chunk import Checkpoint as Checkpoint
from cerebros.training.levels._chunk import Chunk as Chunk
from cerebros.training.levels._chunk import Member as Member
from cerebros.training.levels._chunk import Rows as Rows
from cerebros.training.levels._chunk import State as State
from cerebros.training.levels._chunk import Training as Training
from cerebros.training.levels._chunk import checkpoint_epochs as checkpoint_epochs
from cerebros.training.levels._chunk import first_state as first_state
from cerebros.training.levels._chunk import train_chunk as train_chunk
