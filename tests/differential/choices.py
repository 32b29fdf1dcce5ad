"""Random choices that can be replayed: a case is a list of small numbers, and a simpler case is a
list that is shorter or has smaller numbers. 0 always is the simplest choice."""
import random


class Choices:
    def __init__(self, seed=None, replay=None):
        self.random = random.Random(seed)
        self.replay = replay
        self.taken = []  # (choice, bound)

    def below(self, bound):
        """A number of [0, bound)."""
        at = len(self.taken)
        if self.replay is None:
            choice = self.random.randrange(bound)
        else:
            choice = min(self.replay[at], bound - 1) if at < len(self.replay) else 0
        self.taken.append((choice, bound))
        return choice

    def numbers(self):
        return [choice for choice, _ in self.taken]


def simpler(numbers):
    """Lists that stand for simpler cases, boldest first."""
    size = len(numbers)
    length = size
    while length > 0:
        for start in range(0, size, length):
            part = numbers[start:start + length]
            if any(part):
                yield numbers[:start] + [0] * len(part) + numbers[start + length:]
        length //= 2
    for at, number in enumerate(numbers):
        for less in sorted({number // 2, number - 1} - {0}):
            if 0 < less < number:
                yield numbers[:at] + [less] + numbers[at + 1:]


def shrink(numbers, still_fails, budget=300):
    """The simplest list found for which still_fails(list) holds; it returns the list it used or
    None."""
    again = True
    while again and budget > 0:
        again = False
        for candidate in simpler(numbers):
            budget -= 1
            if budget <= 0:
                break
            used = still_fails(candidate)
            if used is not None and (len(used), used) < (len(numbers), numbers):
                numbers, again = used, True
                break
    return numbers
