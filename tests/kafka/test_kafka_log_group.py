#!/usr/bin/env python3
"""A partition that the group has given to nobody comes to a member that joins it again.

cooperative-sticky moves a partition in two rounds. When its old owner dies between them and comes back
as the same static member, the second never happens, and the partition is nobody's though the group is
stable. Here a member of this test's own stands for those that died: it leads the group, gives
klamm one of two partitions and the other to none, and then falls silent for half an hour.
"""
import struct
import time

from kafkatest import Scratch, many, say, text

TOPOLOGY = """
name: NAME
kafka: {bootstrap.servers: "${env:KAFKA}"}
streams:
  rows: {from: {topic: IN, value: json, columns: {n: long}}}
  out: {from: rows, to: {topic: OUT, value: json}}
"""
SILENCE, REBALANCE = 1_800_000, 4000  # ms
COORDINATOR, JOIN, SYNC = 10, 11, 14


class Member:
    """A member of a group in the classic protocol, as far as this test needs one."""

    def __init__(self, s, group, topic):
        self.s, self.group, self.topic, self.id = s, group, topic, ""

    def metadata(self):
        return struct.pack(">h", 1) + many([text(self.topic)]) + struct.pack(">i", -1) + many([])

    def join(self):
        """(code, generation, id of the leader, the members if that is this one)"""
        data = self.metadata()
        protocol = many([text("cooperative-sticky") + struct.pack(">i", len(data)) + data])
        answer = self.s.protocol.call(JOIN, 5, text(self.group) + struct.pack(">ii", SILENCE, REBALANCE) + text(self.id)
                                      + text(None) + text("consumer") + protocol)
        answer.number("i")
        code = answer.number("h")
        generation, _, leader, self.id = answer.number("i"), answer.text(), answer.text(), answer.text()
        return code, generation, leader, answer.many(lambda: (answer.text(), answer.text(), answer.blob()))

    def sync(self, generation, assignment):
        """assignment: partitions by member."""
        def encoded(partitions):
            data = struct.pack(">h", 1) + many([text(self.topic) + many([struct.pack(">i", p) for p in partitions])]
                                               if partitions else []) + struct.pack(">i", -1)
            return struct.pack(">i", len(data)) + data
        answer = self.s.protocol.call(SYNC, 3, text(self.group) + struct.pack(">i", generation) + text(self.id)
                                      + text(None)
                                      + many([text(m) + encoded(p) for m, p in assignment.items()]))
        answer.number("i")
        return answer.number("h")


def lead(s, member):
    """Until it leads a group of two whose assignment stands."""
    while True:
        time.sleep(0.05)
        code, generation, leader, members = member.join()
        if code == 0 and leader == member.id:
            others = [m for m, _, _ in members if m != member.id]
            assignment = {member.id: [], **{m: [0] for m in others}}
            if member.sync(generation, assignment) == 0 and others:
                return


with Scratch("group") as s:
    s.topic("in", 2)
    for p in range(2):
        s.produce("in", [(b"", b'{"n": %d}' % p)], partition=p)
    name = s.name("topology")
    file = s.file("t.yaml", TOPOLOGY.replace("NAME", name).replace("IN", s.name("in")).replace("OUT", s.name("out")))
    member = Member(s, f"klamm-{name}", s.name("in"))
    s.protocol.call(COORDINATOR, 1, text(member.group) + b"\0")  # makes the topic of offsets, on a new broker
    s.wait_until("the group can be joined", lambda: member.join()[0] == 0)
    p = s.start("run", file)
    lead(s, member)
    say("one of two partitions is nobody's")
    s.wait_until("both partitions are read", lambda: {r.value for r in s.read("out")} == {b'{"n":0}', b'{"n":1}'},
                 alive=[p])
    s.wait_until("it says so", lambda: "nobody's" in p.errors(), alive=[p])
    say([line for line in p.errors().split("\n") if "nobody's" in line][0])
    p.stop()
