"""Expressions that want to take the machine with them. As a program: evaluates one under a memory limit.

`python hostile.py NAME` prints one line of JSON: what became of it, the seconds it took of the processor, and the
MiB by which it grew.
"""

import json
import resource
import sys

MEMORY = 3 << 29
BODY = json.dumps({"n": 9_000_000, "a": list(range(50)), "big": list(range(9_900)), "s": "a" * 100_000}).encode()

_DOUBLE = "($f := function($s, $n) { $n = 0 ? $s : $f(%s, $n - 1) }; %s)"

HOSTILE = {
    "a literal range": "[1..900000]",
    "a sum of a literal range": "$sum([1..9999999])",
    "a range to a number in the data": "[1..n]",
    "a range to what is calculated": "[1..(3000 * 3000)]",
    "a range below zero": "[(0 - n)..n]",
    "a range of ranges": "[1..3000].[1..3000]",
    "many ranges": f"[{','.join(['1..9000'] * 20)}]",
    "a range in a text that is evaluated": '$eval("[1..900000]")',
    "a loop": "($f := function($x) { $f($x) }; $f(1))",
    "a loop of two": "($f := function($x) { $g($x) }; $g := function($x) { $f($x) }; $f(1))",
    "a loop without names": "(function($x) { $x($x) })(function($x) { $x($x) })",
    "a deep recursion": "($f := function($x) { 1 + $f($x + 1) }; $f(1))",
    "a slow function": "($f := function($n) { $n < 2 ? $n : $f($n - 1) + $f($n - 2) }; $f(60))",
    "a fast growing function": "($a := function($m, $n) { $m = 0 ? $n + 1 : $n = 0 ? $a($m - 1, 1)"
    " : $a($m - 1, $a($m, $n - 1)) }; $a(4, 3))",
    "a text of two billion": '$pad("a", 2000000000)',
    "a text of two billion to the left": '$pad("a", -2000000000, "xyz")',
    "a text doubled": _DOUBLE % ("$s & $s", '$length($f("aaaaaaaaaa", 40))'),
    "a list doubled": _DOUBLE % ("$append($s, $s)", "$count($f([1, 2, 3], 40))"),
    "an object doubled": _DOUBLE % ('{"a": $s, "b": $s}', '$f({"x": 1}, 40)'),
    "an object doubled as a text": _DOUBLE % ('{"a": $s, "b": $s}', '$length($string($f({"x": 1}, 40)))'),
    "a list doubled inwards": _DOUBLE % ("[[$s], [$s]]", "$f(1, 40)"),
    "a join of long texts": '$join([1..9000].$pad("a", 10000))',
    "a text replaced by longer ones": '$replace(s, "a", s)',
    "a pattern replaced by longer texts": "$replace(s, /a/, s)",
    "a pattern replaced by a function": "$replace(s, /a/, function() { $$.s & $$.s })",
    "a text split into letters": '$map([1..1000], function() { $split(s, "") })',
    "a regular expression that backtracks": '$match(s & "!", /(a+)+$/)',
    "one that backtracks by choice": '$contains(s & "!", /^(a|a)*$/)',
    "one of many repetitions": "$match(s, /(((a{1000}){1000}){1000})/)",
    "a picture of many digits": '$formatNumber(1, $pad("0", 900000, "0"))',
    "a Roman number": '$formatInteger(1e12, "I")',
    "a date of many years": '$fromMillis(1e15, $pad("[Y]", 900000, "[Y]"))',
    "a sort without order": "$sort(big, function($l, $r) { $random() > 0.5 })",
    "three nested maps": "$map([1..1000], function($i) { $map([1..1000], function($j)"
    " { $map([1..1000], function($k) { $i * $j * $k }) }) })",
    "a join of tables": '$$.a@$x.$$.a@$y.$$.a@$z.$$.a@$w.$$.a@$v.{"x": $x}',
    "a list that appends itself": "$reduce(big, function($a, $b) { $append($a, $a) })",
    "a list nested deeply": '$reduce([1..50000], function($a, $b) { {"a": $a} }, 0)',
    "distinct numbers": "$distinct(big)",
    "distinct objects": '$distinct(big.{"a": $})',
    "distinct by another name": "($d := $distinct; $d(big))",
    "distinct handed on": "[big, big] ~> $map($distinct)",
    "a group for each": "big{$string($): $}",
    "a merge of many": "$merge(big.{$string($): $})",
    "every descendant many times": "[1..1000].$$.**.**.**.**",
    "every member many times": "[1..1000].$$.*.*.*",
    "every descendant for each": "[1..9000].$$.**",
    "transforms upon transforms": "$ " + "~> |**|{'x': $$, 'y': $$}| " * 40,
    "parentheses": "(" * 4000 + "1" + ")" * 4000,
    "brackets": "[" * 4000 + "]" * 4000,
    "conditions": "1 ? " * 3000 + "1" + " : 1" * 3000,
    "signs": "-" * 9000 + "1",
    "steps": ".".join(["a"] * 4900),
}


def main() -> None:
    from worksphere_hub.expressions.compile import load_expression  # noqa: PLC0415
    from worksphere_hub.expressions.errors import ExpressionFailed, ExpressionRefused  # noqa: PLC0415

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    before = resource.getrusage(resource.RUSAGE_SELF)
    try:
        result = load_expression(HOSTILE[sys.argv[1]]).shape_bytes(BODY)
        became = "nothing" if result is None else "a value"
    except ExpressionRefused:
        became = "refused"
    except ExpressionFailed as failure:
        became = failure.reason
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"became": became, "seconds": seconds, "grown": (after.ru_maxrss - before.ru_maxrss) // 1024}))


if __name__ == "__main__":
    main()
