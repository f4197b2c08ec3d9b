"""The grammar of ``--expect``, as every help text shows it; by itself, so that ``--help`` imports no more than this."""

LANGUAGE = """\
EXPECTATION  NAME: CLAIM [WHEN]
NAME         model, models['lr'], models[*], "taken * to the letter"
CLAIM        not WORDS, never WORDS      no run does it
             only WORDS                  no run does anything else
             untouched                   no run does anything
             WORDS [TIMES]               some run does it, or that many do
WORDS        a verdict, or several: fitted, refitted or continued
TIMES        once, twice, 3 times, at least once, at most 2 times
WHEN         after 12, before 12, in 12, between 3 and 12"""
