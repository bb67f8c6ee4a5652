"""How a table of docs/learning.md is written: a losing figure is bold, and so is what it belongs to."""


def number(x, digits=4):
    """.8165, 1.5894, 26.16: no zero before the point, no more digits than say something."""
    if x != x:
        return "–"
    digits = max(0, digits - 1) if abs(x) >= 1 else digits
    digits = 2 if abs(x) >= 10 else digits
    digits = 1 if abs(x) >= 100 else digits
    text = f"{x:,.{digits}f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def bold(text, is_losing=True):
    return f"**{text}**" if is_losing else text


def beside(ours, theirs, is_error=False, digits=4):
    """`ours / theirs`, bold where ours is worse as printed; one number where they are the same."""
    a, b = number(ours, digits), number(theirs, digits)
    if a == b:
        return a
    return bold(f"{a} / {b}", (ours > theirs) == is_error)


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def options(given):
    """` lr: 0.1, l2: 0.01`, or nothing."""
    def shown(value):
        if isinstance(value, dict):
            return "{" + ", ".join(f"{k}: {shown(v)}" for k, v in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(shown, value)) + "]"
        return str(value).lower() if isinstance(value, bool) else str(value)
    return ", ".join(f"`{k}: {shown(v)}`" for k, v in given.items())


def place(page, section, body):
    """The page with what stands between the section's marks replaced."""
    begin, end = f"<!-- {section}: written by tests/reference/learning -->\n", f"<!-- end of {section} -->\n"
    if begin not in page or end not in page:
        raise ValueError(f"the page has no marks for {section}: {begin.strip()} … {end.strip()}")
    before, rest = page.split(begin, 1)
    return before + begin + "\n" + body.strip() + "\n\n" + end + rest.split(end, 1)[1]
