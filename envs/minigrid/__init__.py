"""MiniGrid and BabyAI levels in words."""
