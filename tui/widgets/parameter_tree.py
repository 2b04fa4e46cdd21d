"""The parameters of a model as a tree of modules, and the tensor at the cursor as a picture."""

from rich.style import Style
from rich.text import Text
from textual import events

from mlxgpt.display.bars import bar
from mlxgpt.display.labels import fitted
from mlxgpt.inspection.close_reports import ValuesReport
from tui.catalog import Node, node_line, visible_nodes
from tui.widgets.picture import Picture, window
from tui.widgets.tensor_view import short_dtype, tensor_picture


class ParameterTree(Picture):
    """`root` is the tree, `opened` the paths that are unfolded, `chosen` the cursor, `values` the numbers of its tensor."""

    HELP = "Modules and tensors with their share of the parameters.  ←→ fold and unfold; a tensor is drawn below."
    root: Node | None = None
    values: ValuesReport | None = None
    chosen = 0

    def __init__(self, *, id: str) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self.opened: set[str] = {"blocks"}

    def paint(self, width: int, height: int) -> list[Text]:
        """A heading, the lines around the cursor, the picture."""
        if self.root is None:
            return self.waiting("the parameters are being counted …", width)
        self._lines = list(visible_nodes(self.root, self.opened))
        self.chosen = min(max(self.chosen, 0), len(self._lines) - 1)
        drawn = self.node is not None and self.node.tensor is not None
        room = max(height - 1 - (min(height // 2, 14) if drawn else 0), 1)
        self._seen = window(self.chosen, room, len(self._lines))
        label = min(34, max(width // 3, 10))
        lines = [Text(f" {'module':<{label - 1}}{'parameters':>13} share      bytes", "dim", no_wrap=True)]
        lines += [self._line(i, label, width) for i in self._seen]
        node = self.node
        if node is not None and node.tensor is not None and self.values is not None and self.values.name == node.path:
            here = height - len(lines)
            lines += tensor_picture(self.values, node.tensor, width, here, self.colour, self.themed("text-accent"))
        return lines[:height]

    def _line(self, i: int, label: int, width: int) -> Text:
        depth, node = self._lines[i]
        here = i == self.chosen
        fold = " " if node.tensor is not None else "▾" if node.path in self.opened else "▸"
        indent = "  " * depth
        name = f" {indent}{fold} {fitted(node.name, max(label - 3 - len(indent), 2))}"
        assert self.root is not None
        line = Text(no_wrap=True)
        style = Style(bold=True, reverse=True) if here else Style(bold=node.tensor is None)
        text = f"{name}{node_line(node, self.root.parameters)} "
        line.append(text, style)
        rest = width - len(text)
        if node.tensor is not None:
            line.append(f"{'×'.join(map(str, node.tensor.shape))} {short_dtype(node.tensor)}")
        elif rest > 4:
            line.append(
                bar(node.parameters / max(self.root.parameters, 1), min(rest - 1, 20)), self.themed("text-accent")
            )
        line.truncate(width, overflow="ellipsis")
        return line

    @property
    def node(self) -> Node | None:
        """What is at the cursor."""
        if self.root is None:
            return None
        lines = list(visible_nodes(self.root, self.opened))
        return lines[min(self.chosen, len(lines) - 1)][1] if lines else None

    def move(self, dx: int, dy: int) -> None:
        """Up and down the lines; right unfolds, left folds what is open or goes to the module above."""
        node = self.node
        if node is None or self.root is None:
            return
        if dx > 0 and node.tensor is None:
            self.opened.add(node.path)
        elif dx < 0 and node.path in self.opened:
            self.opened.discard(node.path)
        elif dx < 0:
            depths = [depth for depth, _ in visible_nodes(self.root, self.opened)]
            above = [i for i in range(self.chosen) if depths[i] < depths[self.chosen]]
            self.chosen = above[-1] if above else self.chosen
        self.chosen = max(self.chosen + dy, 0)
        self.repaint()

    def toggle(self) -> None:
        """Fold or unfold what is at the cursor."""
        node = self.node
        if node is not None and node.tensor is None:
            self.opened ^= {node.path}
            self.repaint()

    def on_click(self, event: events.Click) -> None:
        """The line under the pointer; on a module that is chosen, fold or unfold it."""
        if self.root is None or not 0 <= event.y - 1 < len(self._seen):
            return
        place = self._seen[event.y - 1]
        if place == self.chosen or event.chain >= 2:
            self.toggle()
        self.chosen = place
        self.repaint()
        self.post_message(self.Picked())
