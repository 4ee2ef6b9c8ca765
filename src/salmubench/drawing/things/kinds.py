"""Numbers under which Python and the compiled kernel know primitives, operations, patterns and places."""

from __future__ import annotations

EGG, BOX, ROD, TAPER, RING, PRISM, PLATE, LATHE = range(8)
OPERATIONS = ("add", "blend", "cut", "keep")
ADD, BLEND, CUT, KEEP = range(4)
PATTERNS = ("plain", "grain", "speckle", "weave", "stripes", "checks", "spots", "bricks", "scales")
PLAIN, GRAIN, SPECKLE, WEAVE, STRIPES, CHECKS, SPOTS, BRICKS, SCALES = range(9)

# Columns of the array of primitives (one row each) …
KIND, OPERATION, WIDTH, CENTRE, FRAME, SIZE, FIRST, COUNT, SLOT, TURNED = 0, 1, 2, 3, 6, 15, 19, 20, 21, 22
PART_COLUMNS = 23
# … of groups: bounding ball, first row and end of its primitives …
GROUP_COLUMNS = 6
# … of instances: world → object matrix, position, bounding ball in the object's frame, mean scale …
MATRIX, POSITION, BOUND, SCALE = 0, 9, 12, 16
INSTANCE_COLUMNS = 17
# … and of paints: colour, second colour, gloss, sharpness, mirror, see-through, pattern, frequency, strength, glow.
COLOUR, SECOND, GLOSS, SHARP, MIRROR, CLEAR, PATTERN, FREQUENCY, STRENGTH, GLOW = 0, 3, 6, 7, 8, 9, 10, 11, 12, 13
PAINT_COLUMNS = 14

# Vectors of one scene: camera, light, place.
EYE, RIGHT, UP, FORWARD, SHIFT, HALF = 0, 3, 6, 9, 12, 14
LIGHT, KEY, AMBIENT, BOUNCE, EXPOSURE, NOISE, SEED = 0, 3, 6, 9, 12, 13, 14
GROUND, GROUND_COLOUR, GROUND_SECOND, BACKDROP, BACKDROP_COLOUR, BACKDROP_SECOND, OFFSET, WALL = (
    0,
    1,
    4,
    7,
    8,
    11,
    14,
    15,
)
GROUND_NONE = 9.0
