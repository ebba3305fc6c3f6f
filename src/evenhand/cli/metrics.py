"""evenhand metrics: every metric, what it asks, and its parity value."""

from evenhand.cli.terminal import say


def metrics() -> None:
    """List every metric: its code, its parity value and what it says."""
    from evenhand.metrics import registered
    from evenhand.metrics.gaps import ALL

    for metric in registered().values():
        parity = "-" if metric.parity is None else f"{metric.parity:g}"
        say(f"{metric.code:8} {metric.stage:12} parity {parity:2}  {metric.sentence}")
    for gap in ALL:
        say(f"{gap.code:8} {gap.stage:12} parity 0   {gap.sentence}")
