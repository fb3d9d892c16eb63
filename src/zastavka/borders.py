"""stub"""


def sharpen(path, segment, options, language=None):
    return segment
