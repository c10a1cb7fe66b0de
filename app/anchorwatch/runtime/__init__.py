"""Whole programs put together: workers and their supervisor, demo, backtest, replay, apply."""
