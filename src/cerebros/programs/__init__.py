"""Compiled programs of JAX, and the surroundings in which they are made and run.

Loads JAX when it is first needed.
"""

from cerebros.programs._cache_folder import use_cache_folder as use_cache_folder
from cerebros.programs._compiling import compiled_program as compiled_program
from cerebros.programs._forks import check_not_forked as check_not_forked
from cerebros.programs._kept import Programs as Programs
from cerebros.programs._kept import forget_programs as forget_programs
from cerebros.programs._memory import release_memory as release_memory
from cerebros.programs._own_settings import each_in_own_settings as each_in_own_settings
from cerebros.programs._own_settings import in_own_settings as in_own_settings
from cerebros.programs._own_settings import own_settings as own_settings
