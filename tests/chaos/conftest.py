"""The campaigns read /proc and send signals as Linux has them; the checker and the proxy are tested everywhere."""

import sys

CAMPAIGNS = ("broken_links", "clock_jumps", "disk_full", "kills", "pauses", "power_loss")

collect_ignore = [] if sys.platform == "linux" else [f"test_{name}.py" for name in CAMPAIGNS]
