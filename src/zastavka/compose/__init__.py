"""A small composer: labelled seasons of moving pictures, lettering, music and speech-like sound.

For the demo and the tests, where no real series can be shipped. Each intro is known to the frame.
Needs only numpy and PyAV.
"""

from zastavka.compose.film import compose, compose_series
from zastavka.compose.show import SeriesSpec, random_spec

__all__ = ["SeriesSpec", "compose", "compose_series", "random_spec"]
