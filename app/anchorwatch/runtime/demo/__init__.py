"""`anchorwatch demo`: a real Kafka, a real model, four failures with known truth; is each heard, rightly, and nothing else?

loans     the world: applications, what is right, the frozen model, its contract
traffic   the service that answers them, and its faults
acts      one failure each: what is done, what must be heard, was it?
ears      what Anchorwatch says, followed as any program would
house     broker, topics, contract, `anchorwatch run`: the commands that a person would type
table, waterfall   what people see
play      the evening: act after act
"""
