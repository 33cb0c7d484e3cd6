"""An import path of the original package; see `cerebros.compat`."""
