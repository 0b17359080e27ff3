import Testing

/// Everything that needs a world of its own, one at a time: two cores run one at full speed, and twenty not at all.
@Suite(.serialized) enum WorldTests {}
