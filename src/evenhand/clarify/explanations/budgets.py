"""Budgets: how many coalitions Clarify asks for each instance."""


def evaluations(num_samples: int | None, players: int) -> int:
    """min(num_samples, 2^M − 2), where num_samples is 2M + 2048 unless it is set; at least 2."""
    wanted = 2 * players + 2048 if num_samples is None else num_samples
    return max(min(wanted, (1 << min(players, 60)) - 2), 2)
