"""The original import path of the residual MLP; see `cerebros.compat`."""
