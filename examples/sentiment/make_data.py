#!/usr/bin/env python3
"""Writes data/reviews.csv: short reviews of a guest house, made up of phrases, with what the guest thought.

Always the same 1,000 rows. One in 25 guests clicked the wrong button. Words alone do not tell all: "not" and
"never" turn what follows, which pairs of words can see.
"""
import csv
import os
import random

random.seed(20)
THINGS = ["the room", "our breakfast", "the bed", "the view", "the host", "the garden", "the shower",
          "the walk to the station", "the kitchen", "the balcony"]
GOOD = ["lovely", "spotless", "quiet", "friendly", "generous", "warm", "bright", "excellent", "charming"]
BAD = ["dirty", "noisy", "cold", "rude", "cramped", "stale", "broken", "dreadful", "overpriced"]
PLAIN = ["we stayed for two nights", "there is parking behind the house", "we came by train",
         "check-in is at three", "it was raining most of the time", "we had booked weeks ahead"]
PRAISE = ["we would come back any time", "worth every cent", "thank you for a happy weekend",
          "our children did not want to leave"]
BLAME = ["we left a day early", "never again", "we asked for our money back", "not worth the price"]


def opinion(liked):
    thing, turned = random.choice(THINGS), random.random() < 0.25
    word = random.choice(GOOD if liked != turned else BAD)
    verb = random.choice(["was", "seemed"])
    if turned:
        return f"{thing} {verb} {random.choice(['not', 'never'])} {word}"
    return f"{thing} {verb} {random.choice(['', 'really ', 'so ', 'quite '])}{word}"


def review(liked):
    parts = [opinion(liked if random.random() < 0.93 else not liked)
             for _ in range(random.randrange(2, 5))]
    if random.random() < 0.6:
        parts.append(random.choice(PLAIN))
    if random.random() < 0.4:
        parts.append(random.choice(PRAISE if liked else BLAME))
    random.shuffle(parts)
    text = random.choice([", ", " and ", ". ", "; "]).join(parts)
    return text[0].upper() + text[1:] + random.choice([".", "!", ""])


def main():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "reviews.csv")
    with open(path, "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(["text", "liked"])
        for _ in range(1000):
            liked = random.random() < 0.6
            clicked = liked if random.random() >= 0.04 else not liked
            out.writerow([review(liked), "true" if clicked else "false"])


if __name__ == "__main__":
    main()
