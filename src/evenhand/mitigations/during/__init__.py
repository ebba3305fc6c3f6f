"""During training: models that keep constraints while they learn."""
