"""The streams between the operators: the types of their rows, their side outputs, their end."""

from __future__ import annotations

from typing import Final

from pyflink.common import Types
from pyflink.datastream import OutputTag
from pyflink.datastream.state import MapStateDescriptor

BYTES: Final = Types.PRIMITIVE_ARRAY(Types.BYTE())

# Profile and Steer to Assign: a `wire` message for a lane.
EVALUATIONS: Final = Types.ROW_NAMED(["lane", "evaluations"], [Types.INT(), BYTES])
# Profile to Learn: what became of a model's sample of users.
SAMPLE: Final = Types.ROW_NAMED(["model", "update"], [Types.STRING(), BYTES])
# Learn to Assign: a `ClusterModel`, which every lane keeps by its name.
MODEL: Final = Types.ROW_NAMED(["name", "model"], [Types.STRING(), BYTES])
MODELS: Final = MapStateDescriptor("models", Types.STRING(), Types.PICKLED_BYTE_ARRAY())
# To a sink: records of a topic, each `packed`: one row a message, since each row that leaves
# Python costs as much as some ten records.
RECORDS: Final = Types.ROW_NAMED(["topic", "records"], [Types.STRING(), Types.OBJECT_ARRAY(BYTES)])
# To a sink, too: single records.
OUTPUT: Final = Types.ROW_NAMED(["topic", "key", "value"], [Types.STRING(), BYTES, BYTES])

# Assign to Measure: a `Delta`.
DELTA: Final = Types.ROW_NAMED(["delta"], [BYTES])

SAMPLES: Final = OutputTag("samples", SAMPLE)
DEAD_LETTERS: Final = OutputTag("dead-letters", OUTPUT)
TOTALS: Final = OutputTag("totals", OUTPUT)
MODEL_RECORDS: Final = OutputTag("model-records", OUTPUT)
OUTCOMES: Final = OutputTag("outcomes", DELTA)

FINAL_MODELS: Final = "models"  # the folder of models that are of the end of a history

END_OF_TIME: Final = 2**63 - 2  # an event-time timer there fires when a bounded input has ended
