"""klamm's random numbers (engine/random.c) for libraries that take a random.Random: a forest of River's that
draws them must be klamm's, row by row, and nothing is left to luck.

  draws = Draws(seed, stream)      what random_seed(&r, seed, stream) begins
"""
import random

MASK = (1 << 64) - 1


class Draws(random.Random):
    def __new__(cls, *_):
        return super().__new__(cls, 0)

    def __init__(self, seed, stream=1):
        self.state, self.inc = 0, (stream << 1 | 1) & MASK
        self.number()
        self.state = (self.state + seed) & MASK
        self.number()

    def number(self):
        old = self.state
        self.state = (old * 6364136223846793005 + self.inc) & MASK
        shifted, turn = (((old >> 18) ^ old) >> 27) & 0xffffffff, old >> 59
        return (shifted >> turn | shifted << (-turn & 31)) & 0xffffffff

    def random(self):
        return ((self.number() >> 5) << 26 | self.number() >> 6) * 2.0 ** -53

    def below(self, n):
        while True:
            value = self.number()
            if value >= ((1 << 32) - n) % n:
                return value % n

    def sample(self, population, k):
        """The first k of a shuffle, as tree.c draws the columns of a leaf."""
        items = list(population)
        for i in range(k):
            j = i + self.below(len(items) - i)
            items[i], items[j] = items[j], items[i]
        return items[:k]
