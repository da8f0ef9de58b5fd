"""The papers' settings, as parameters of the estimators."""

from skdeepcluster.recipes.book import known_recipes, recipe
from skdeepcluster.recipes.common import Recipe

__all__ = ["Recipe", "known_recipes", "recipe"]
