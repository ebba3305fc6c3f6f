"""Bounties: anyone may prove the model wrong; what is proven makes it better, and nobody accepted ever gets worse."""
