"""Actions and tables (P4_16 grammar: actionDeclaration, tableDeclaration)."""

from __future__ import annotations

from testbed.p4.compiler import ast
from testbed.p4.compiler.diagnostics import did_you_mean
from testbed.p4.compiler.parser.cursor import ParseError
from testbed.p4.compiler.parser.statements import StatementParser

_BRACED = ("key", "actions", "entries")
_MISSPELLED = "one of them"  # found among the properties under a wrong name


class TableParser(StatementParser):
    """Actions and tables."""

    def action(self, annotations: list[ast.Annotation]) -> ast.ActionDecl:
        """`action name(params) { ... }`."""
        self.take()
        name = self.name("a name for the action")
        self.declare(name.text)
        with self.scope():
            params = self.parameters()
            body = self.block()
        return ast.ActionDecl(name.span, name.text, annotations, params, body)

    def table(self, annotations: list[ast.Annotation]) -> ast.TableDecl:
        """`table name { properties }`."""
        self.take()
        name = self.name("a name for the table")
        self.declare(name.text)
        table = ast.TableDecl(name.span, name.text, annotations, None, [], None, False, None, False, [])
        self.expect("{", f"before the properties of the table {name.text}")
        seen: set[str] = set()
        self.repeated(lambda: self._property(table, seen))
        self.expect("}", f"after the properties of the table {name.text}")
        if not seen & {"actions", _MISSPELLED}:
            self.diagnostics.error(name.span, f"the table {name.text} has no actions: actions = {{ ... }}")
        return table

    def _property(self, table: ast.TableDecl, seen: set[str]) -> None:
        annotations = self.annotations()
        const = self.accept("const")
        name = self.name("a property of the table: key, actions, default_action, entries, size ...")
        if name.text in seen:
            raise ParseError(name.span, f"the table {table.name} has the property {name.text} twice")
        seen.add(name.text)
        self.expect("=", f"after the property {name.text}")
        match name.text:
            case "key":
                if "entries" in seen:
                    self.diagnostics.error(name.span, "the key of a table stands before its entries")
                table.keys = self._keys()
            case "actions":
                table.actions = self._actions()
            case "entries":
                table.entries = self._entries()
                table.const_entries = const
            case "default_action":
                if "actions" not in seen:
                    message = "the default action of a table stands after its actions"
                    self.diagnostics.error(name.span, message)
                table.default_action = self.action_ref(annotations)
                table.const_default = const
                self.expect(";", "after the default action")
            case _ if self.kinds[self.at] == "{" and (hint := did_you_mean(name.text, _BRACED)):
                seen.add(_MISSPELLED)
                raise ParseError(name.span, f"{name.text} is not a property of tables{hint}")
            case _:
                value = self.expression()
                self.expect(";", f"after the property {name.text}")
                table.properties.append(ast.TableProperty(name.span, name.text, annotations, value, const))

    def _keys(self) -> list[ast.KeyElement]:
        self.expect("{", "before the keys")
        keys = self.repeated(self._key_element)
        self.expect("}", "after the keys")
        return keys

    def _key_element(self) -> ast.KeyElement:
        start = self.span
        expr = self.expression()
        self.expect(":", "and a match kind after the key")
        kind = self.name("a match kind: exact, lpm, ternary, range, optional or selector")
        annotations = self.annotations()
        self.expect(";", "after the key")
        return ast.KeyElement(self.since(start), expr, kind.text, annotations)

    def _actions(self) -> list[ast.ActionRef]:
        self.expect("{", "before the actions")
        actions = self.repeated(self._listed_action)
        self.expect("}", "after the actions")
        return actions

    def _listed_action(self) -> ast.ActionRef:
        ref = self.action_ref(self.annotations())
        self.expect(";", "after the action")
        return ref

    def action_ref(self, annotations: list[ast.Annotation]) -> ast.ActionRef:
        """`name` or `name(args)`."""
        start = self.span
        absolute = self.accept(".")
        name = self.name("the name of an action")
        path = ast.PathExpr(self.since(start), name.text, absolute)
        args = self.arguments() if self.kinds[self.at] == "(" else None
        return ast.ActionRef(self.since(start), path, args, annotations)

    def _entries(self) -> list[ast.TableEntry]:
        self.expect("{", "before the entries")
        entries = self.repeated(self._entry)
        self.expect("}", "after the entries")
        return entries

    def _entry(self) -> ast.TableEntry:
        start = self.span
        const = self.accept("const")
        priority: ast.Expression | None = None
        if self.kinds[self.at] == "priority" and self.kinds[self.at + 1] == "=":
            self.at += 2
            if self.kinds[self.at] == "number":
                priority = self.number(self.take())
            else:
                self.expect("(", "or a number after priority =")
                priority = self.expression()
                self.expect(")", "after the priority")
            self.expect(":", "after the priority")
        keys = self.keyset()
        self.expect(":", "and an action after the keys")
        action = self.action_ref([])
        annotations = self.annotations()
        self.expect(";", "after the entry")
        return ast.TableEntry(self.since(start), keys, action, priority, const, annotations)
