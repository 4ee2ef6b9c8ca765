"""All object classes in a fixed order: the first n stay the first n, whatever is added.

A new class is a row in one of the tables and its name at the end of `ORDER`.
"""

from __future__ import annotations

from salmubench.drawing.things.catalogue import (
    animals,
    food,
    household,
    nature,
    outdoors,
    things,
    tools,
    vehicles,
)
from salmubench.drawing.things.classes import ObjectClass

# Kinds of things take turns, so that every prefix holds some of each.
ORDER: tuple[str, ...] = (
    "teapot", "cat", "car", "apple", "hammer", "tree", "guitar", "house", "chair", "elephant", "bicycle", "banana",
    "key", "cactus", "drum", "lighthouse", "mug", "fish", "bus", "ice cream cone", "scissors", "mushroom", "crown",
    "windmill", "lamp", "duck", "sailboat", "cake", "glasses", "flower", "dice", "traffic light", "bottle", "rabbit",
    "rocket", "carrot", "ladder", "snowman", "robot", "bench", "bed", "snail", "plane", "donut", "spoon", "star",
    "anchor", "pyramid", "umbrella", "giraffe", "train", "pear", "book", "heart", "football", "castle", "clock",
    "spider", "truck", "pizza", "pencil", "fir tree", "chess pawn", "tent", "table", "butterfly", "hot air balloon",
    "pineapple", "fork", "palm tree", "hat", "bridge", "bucket", "dog", "helicopter", "hamburger", "shovel", "cloud",
    "table tennis racket", "fire hydrant", "sofa", "penguin", "ship", "pumpkin", "saw", "moon", "bell", "skyscraper",
    "television", "turtle", "motorcycle", "strawberry", "light bulb", "tulip", "shoe", "street lamp", "candle",
    "octopus", "tractor", "cherry", "magnifying glass", "potted plant", "gift box", "mailbox", "saucepan", "pig",
    "rowing boat", "bunch of grapes", "axe", "sunflower", "shirt", "stop sign", "wine glass", "bee", "submarine",
    "watermelon slice", "padlock", "sun", "piano", "traffic cone", "vase", "snake", "skateboard", "corn cob",
    "screwdriver", "rainbow", "trumpet", "barrel", "bathtub", "chicken", "flying saucer", "piece of cheese", "rake",
    "leaf", "laptop", "church", "broom", "sheep", "wheelbarrow", "fried egg", "toothbrush", "lightning bolt",
    "tennis racket", "well", "bookshelf", "whale", "scooter", "cupcake", "knife", "seashell", "basketball", "fence",
    "door", "crab", "lollipop", "wrench", "acorn", "backpack", "flag", "frying pan", "owl", "croissant", "comb",
    "crystal", "boot", "igloo", "washing machine", "frog", "magnet", "volcano", "handbag", "fountain", "toaster",
    "gear", "planet", "camera", "slide", "teddy bear", "paintbrush", "mobile phone", "swing", "iron", "whisk",
    "headphones", "dustbin", "fan", "rolling pin", "chess knight", "stool", "plunger", "trophy", "syringe",
    "bowling pin", "clothes peg", "kite", "dress", "pair of trousers", "hourglass", "telescope", "microphone",
    "witch hat", "balloon",
)  # fmt: skip
_TABLES = (household, animals, vehicles, food, tools, nature, things, outdoors)
_BY_NAME = {row.name: row for table in _TABLES for row in table.CLASSES}

CLASSES: tuple[ObjectClass, ...] = tuple(_BY_NAME[name] for name in ORDER)
