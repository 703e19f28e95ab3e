"""Statements and local declarations (P4_16 specification 1.2.5, sections 11 and 12)."""

from __future__ import annotations

from testbed.p4.compiler import ast
from testbed.p4.compiler import types as t
from testbed.p4.compiler.check.annotations import check_annotations
from testbed.p4.compiler.check.calls import CallChecker
from testbed.p4.compiler.check.typerefs import storable
from testbed.p4.compiler.check.unify import Unifier
from testbed.p4.compiler.diagnostics import Note, a_or_an

_SWITCHABLE = (t.BitsType, t.EnumType, t.SerEnumType)


class StatementChecker(CallChecker):
    """Checks bodies of states, actions, functions and controls."""

    loops = 0
    running = 0  # within the apply block of a control or a state
    instances: list[ast.InstanceDecl]

    # Blocks

    def block(self, block: ast.Block) -> None:
        """Check a block in a scope of its own."""
        self.annotations(block.annotations)
        with self.scope():
            self.body(block.body)

    def body(self, items: list[ast.Statement | ast.Declaration]) -> None:
        """Check statements and declarations in the current scope."""
        for item in items:
            if isinstance(item, ast.Declaration):
                self.local_declaration(item)
            else:
                self.statement(item)

    def annotations(self, annotations: list[ast.Annotation]) -> None:
        """Check annotations."""
        if annotations:
            check_annotations(annotations, self)

    # Declarations

    def local_declaration(self, declaration: ast.Declaration) -> None:
        """Check a variable, constant or instance and make its name known."""
        self.annotations(declaration.annotations)
        match declaration:
            case ast.VariableDecl():
                self.variable(declaration)
            case ast.ConstDecl():
                self.constant(declaration)
            case ast.InstanceDecl():
                self.instance(declaration)
            case ast.FunctionDecl():
                self.function(declaration)
                return
        self.declare(declaration)

    def variable(self, declaration: ast.VariableDecl) -> None:
        """A variable and its initial value."""
        declaration.type = self.complete(declaration.ref, self.resolve(declaration.ref))
        self._storable(declaration.ref, declaration.type)
        if declaration.init is not None:
            what = f"the initial value of {declaration.name}"
            declaration.init = self.expect(declaration.init, declaration.type, what)

    def _storable(self, ref: ast.TypeRef, of: t.Type) -> None:
        if not storable(of) or isinstance(of, t.ListType) or of in (t.INT, t.STRING, t.MATCH_KIND):
            hint = ": give it a width, such as bit<8>" if of == t.INT else ""
            self.error(ref.span, f"a variable cannot have the type {of}{hint}")

    def constant(self, declaration: ast.ConstDecl) -> None:
        """A constant: its value must be known."""
        declaration.type = self.complete(declaration.ref, self.resolve(declaration.ref))
        if not storable(declaration.type) or t.contains(declaration.type, lambda part: part == t.DONT_CARE):
            self.error(declaration.ref.span, f"a constant cannot have the type {declaration.type}")
        what = f"the value of the constant {declaration.name}"
        declaration.init = self.expect(declaration.init, declaration.type, what)
        self.compile_time(declaration.init, what)

    def instance(self, declaration: ast.InstanceDecl) -> None:
        """An instance of an extern, parser, control or package."""
        call = declaration.call
        for arg in call.args:
            arg.expr = self.infer(arg.expr)
        func = call.func
        assert isinstance(func, ast.TypeNameExpr)  # noqa: S101
        self.constructor_call(call, func.ref)
        declaration.type = call.type
        self.instances.append(declaration)
        around = self.enclosing(ast.ParserDecl, ast.ControlDecl)
        if isinstance(call.type, t.ParserType | t.ControlType) and around is None:
            self.error(declaration.span, f"{call.type} can be instantiated in parsers and controls only")
        elif isinstance(call.type, t.ParserType) and isinstance(around, ast.ControlDecl):
            self.error(declaration.span, "a parser cannot be instantiated in a control")
        elif isinstance(call.type, t.ControlType) and isinstance(around, ast.ParserDecl):
            self.error(declaration.span, "a control cannot be instantiated in a parser")
        elif isinstance(call.type, t.PackageType) and around is not None:
            self.error(declaration.span, "a package can be instantiated at the top level only")
        if self.running or self.enclosing(ast.ActionDecl, ast.FunctionDecl) is not None:
            message = "instances are declared with the parser or control, not in states, blocks and functions"
            self.error(declaration.span, message)
        self._abstract_methods(declaration)

    def _abstract_methods(self, declaration: ast.InstanceDecl) -> None:
        """The implementations of an extern's abstract methods."""
        extern = declaration.type
        if declaration.body is not None:
            if not isinstance(extern, t.ExternType):
                if extern != t.UNKNOWN:
                    self.error(declaration.body.span, "only instances of externs have method bodies")
                return
            with self.scope(declaration):
                self.body(declaration.body.body)
        if not isinstance(extern, t.ExternType):
            return
        given = {
            f.name: f
            for f in (declaration.body.body if declaration.body else ())
            if isinstance(f, ast.FunctionDecl)
        }
        for method in extern.decl.methods:
            function = given.pop(method.name, None) if method.abstract else None
            if method.abstract and function is None and method.annotation("optional") is None:
                note = Note(method.span, "declared here")
                self.error(declaration.span, f"the abstract method {method.name} has no body", note)
            elif function is not None:
                self._implements(function, method, extern)
        for function in given.values():
            note = Note(extern.decl.span, f"{extern.decl.name} is declared here")
            self.error(function.span, f"{extern} has no abstract method {function.name}", note)

    def _implements(self, function: ast.FunctionDecl, method: ast.MethodDecl, extern: t.ExternType) -> None:
        env: dict[t.TypeVar, t.Type] = dict(
            zip(map(t.TypeVar, extern.decl.type_params), extern.args, strict=True)
        )
        wanted = [(p.direction, t.substitute(p.type, env)) for p in method.params]
        given = [(p.direction, p.type) for p in function.params]
        missing = method.params[len(given) :]
        if (
            wanted[: len(given)] != given
            or not all(p.optional for p in missing)
            or t.substitute(method.return_type, env) != function.return_type
        ):
            note = Note(method.span, "the abstract method")
            self.error(
                function.span, f"{function.name} does not have the parameters or result declared", note
            )

    def function(self, declaration: ast.FunctionDecl) -> None:
        """A function; its name is known from here on."""
        self.annotations(declaration.annotations)
        with self.scope(declaration):
            for param in declaration.type_params:
                self.declare(param)
            declaration.return_type = self.complete(
                declaration.return_ref, self.resolve(declaration.return_ref)
            )
            self.parameters(declaration.params, declaration)
            with self.scope():
                self.body(declaration.body.body)
        if declaration.return_type not in (t.VOID, t.UNKNOWN) and not _always_returns(declaration.body):
            message = f"{declaration.name} does not return a {declaration.return_type} on every path"
            self.error(declaration.span, message)
        self.declare(declaration)

    def parameters(
        self, params: list[ast.Parameter], of: ast.Declaration, *, constructor: bool = False
    ) -> None:
        """Resolve the parameters of `of` and declare them in the current scope."""
        seen: dict[str, ast.Parameter] = {}
        for param in params:
            self.annotations(param.annotations)
            param.type = self.complete(param.ref, self.resolve(param.ref))
            if param.default is not None:
                self._default(param, param.default)
            if param.name in seen:
                note = Note(seen[param.name].span, "the other one")
                self.error(param.span, f"two parameters are named {param.name}", note)
                continue
            seen[param.name] = param
            self._parameter_rules(param, of, constructor)
            self.declare(param)

    def _parameter_rules(self, param: ast.Parameter, of: ast.Declaration, constructor: bool) -> None:
        """Which types go with which directions, in which declarations."""
        directed = param.direction is not ast.Direction.NONE
        if constructor and directed:
            self.error(param.span, "the parameters of a constructor have no direction")
        elif directed and (isinstance(param.type, t.ExternType) or param.type == t.STRING):
            self.error(
                param.span,
                f"a parameter of type {param.type} has no direction: remove {param.direction.value}",
            )
        elif isinstance(param.type, t.ParserType | t.ControlType | t.PackageType):
            is_package = isinstance(of, ast.PackageTypeDecl)
            a_type = isinstance(param.type.decl, ast.ParserTypeDecl | ast.ControlTypeDecl)
            in_constructor = constructor and a_type and isinstance(of, ast.ParserDecl | ast.ControlDecl)
            if not is_package and not in_constructor:
                self.error(param.span, f"{a_or_an(of.kind)} cannot have a parameter of type {param.type}")
        elif isinstance(of, ast.ActionDecl) and param.type == t.INT:
            self.error(param.span, "an action's parameter needs a width, such as bit<8>")
        not_optional = isinstance(of, ast.FunctionDecl | ast.ActionDecl)
        not_optional |= constructor and isinstance(of, ast.ParserDecl | ast.ControlDecl)
        if param.optional and not_optional:
            self.error(param.span, f"{a_or_an(of.kind)} cannot have @optional parameters")

    def _default(self, param: ast.Parameter, default: ast.Expression) -> None:
        """The default value of a parameter."""
        what = f"the default value of {param.name}"
        if param.direction not in (ast.Direction.NONE, ast.Direction.IN):
            self.error(default.span, f"an {param.direction.value} parameter has no default")
        checked = param.default = self.infer(default)
        if isinstance(param.type, t.ParserType | t.ControlType | t.PackageType):
            variables = {a for a in param.type.args if isinstance(a, t.TypeVar)}
            if not Unifier(variables).unify(param.type, checked.type):
                self.error(default.span, f"{what} has type {checked.type}, and {param.type} is needed")
        else:
            checked = param.default = self.convert(checked, param.type, what)
        self.compile_time(checked, what)

    # Statements

    def statement(self, statement: ast.Statement) -> None:
        """Check one statement."""
        match statement:
            case ast.Assign():
                self._assign(statement)
            case ast.CallStatement(call=call):
                checked = self.check_call(call)
                if isinstance(checked, ast.Call):
                    statement.call = checked
            case ast.If():
                self._if(statement)
            case ast.Block():
                self.block(statement)
            case ast.Switch():
                self._switch(statement)
            case ast.Return():
                self._return(statement)
            case ast.Exit():
                if self.enclosing(ast.ParserDecl, ast.FunctionDecl) is not None:
                    self.error(statement.span, "exit cannot be used in parsers and functions")
            case ast.For():
                self._for(statement)
            case ast.ForIn():
                self._for_in(statement)
            case ast.Break() | ast.Continue():
                if not self.loops:
                    word = "break" if isinstance(statement, ast.Break) else "continue"
                    self.error(statement.span, f"{word} outside of a loop")

    def _assign(self, statement: ast.Assign) -> None:
        left = statement.left = self.infer(statement.left)
        if statement.op != "=":
            self._compound_assign(statement)
            return
        right = self.infer(statement.right)
        if self.left_value(left, "the left side of an assignment"):
            self._assignable(left)
            statement.right = self.convert(right, left.type, "the value assigned")
        else:
            statement.right = right

    def _assignable(self, left: ast.Expression) -> None:
        if not storable(left.type):
            self.error(left.span, f"values of type {left.type} cannot be assigned")

    def _compound_assign(self, statement: ast.Assign) -> None:
        """`a op= b` must be legal as `a = a op b`."""
        left = statement.left
        if not self.left_value(left, "the left side of an assignment"):
            statement.right = self.infer(statement.right)
            return
        if not isinstance(left.type, t.BitsType):
            self.error(left.span, f"{statement.op} needs an integer with a width, not {left.type}")
            return
        whole = ast.Binary(statement.span, statement.op[:-1], left, statement.right)
        self.infer(whole)
        statement.right = whole.right

    def _if(self, statement: ast.If) -> None:
        """A chain of if and else if, without recursion."""
        current: ast.If = statement
        while True:
            current.condition = self.condition(current.condition, "if")
            self._branch(current.then)
            if not isinstance(current.otherwise, ast.If):
                break
            current = current.otherwise
        if current.otherwise is not None:
            self._branch(current.otherwise)

    def condition(self, expr: ast.Expression, of: str) -> ast.Expression:
        """A condition, which must be a bool."""
        checked = self.infer(expr)
        if checked.type not in (t.BOOL, t.UNKNOWN):
            self.error(expr.span, f"the condition of {of} is a bool, not {checked.type}")
        return checked

    def _branch(self, statement: ast.Statement) -> None:
        with self.scope():
            self.statement(statement)

    def _return(self, statement: ast.Return) -> None:
        function = self.enclosing(ast.FunctionDecl)
        if self.enclosing(ast.ParserDecl) is not None and function is None:
            self.error(statement.span, "return cannot be used in parsers")
            return
        if not isinstance(function, ast.FunctionDecl) or function.return_type == t.VOID:
            if statement.expr is not None:
                self.error(statement.span, "return takes no value here: only functions with a result do")
            return
        if statement.expr is None:
            self.error(
                statement.span, f"{function.name} returns a {function.return_type}: return needs a value"
            )
            return
        statement.expr = self.expect(statement.expr, function.return_type, "the value returned")

    # Switch

    def _switch(self, statement: ast.Switch) -> None:
        if self.enclosing(ast.ParserDecl) is not None:
            self.error(statement.span, "switch cannot be used in parsers: use transition select")
        subject = statement.subject = self.infer(statement.subject)
        match subject.type:
            case t.ActionRunType(table):
                self._action_labels(statement, table)
            case _ if isinstance(subject.type, _SWITCHABLE) or subject.type == t.INT:
                self._value_labels(statement)
            case t.UNKNOWN:
                pass
            case _:
                self.error(subject.span, f"switch takes integers, enums and action_run, not {subject.type}")
        self._default_is_last(statement)
        for case in statement.cases:
            if case.block is not None:
                self.block(case.block)

    def _default_is_last(self, statement: ast.Switch) -> None:
        defaults = [c for c in statement.cases if c.label is None]
        if defaults and (len(defaults) > 1 or statement.cases[-1].label is not None):
            self.error(defaults[0].span, "a switch has one default, as its last case")

    def _action_labels(self, statement: ast.Switch, table: ast.TableDecl) -> None:
        actions = {a.path.name: a.decl for a in table.actions}
        seen: set[str] = set()
        for case in statement.cases:
            label = case.label
            if label is None:
                continue
            if not isinstance(label, ast.PathExpr) or label.name not in actions:
                known = ", ".join(actions) or "none"
                message = f"this label must be one of the actions of the table {table.name}: {known}"
                self.error(label.span, message)
                continue
            if label.name in seen:
                self.error(label.span, f"the action {label.name} has two cases")
            seen.add(label.name)
            declaration = actions[label.name]
            label.decl = declaration
            label.type = statement.subject.type

    def _value_labels(self, statement: ast.Switch) -> None:
        seen: dict[object, ast.Expression] = {}
        subject = statement.subject
        for case in statement.cases:
            if case.label is None:
                continue
            label = case.label = self.infer(case.label)
            label = case.label = self.convert(label, subject.type, "the label")
            if self.compile_time(label, "a label") and label.value is not None:
                if label.value in seen:
                    note = Note(seen[label.value].span, "the other case")
                    self.error(label.span, "this value has two cases", note)
                seen[label.value] = label

    # Loops

    def _for(self, statement: ast.For) -> None:
        self.annotations(statement.annotations)
        with self.scope():
            self.body(statement.init)
            self.used.update(d for d in statement.init if isinstance(d, ast.Declaration))
            statement.condition = self.condition(statement.condition, "for")
            for update in statement.update:
                self.statement(update)
            self.loops += 1
            self._branch(statement.body)
            self.loops -= 1

    def _for_in(self, statement: ast.ForIn) -> None:
        self.annotations(statement.annotations)
        collection = statement.collection = self.infer(statement.collection)
        with self.scope():
            if isinstance(statement.variable, ast.VariableDecl):
                self.variable(statement.variable)
                self.declare(statement.variable)
                self.used.add(statement.variable)
                of = statement.variable.type
            else:
                statement.variable = self.infer(statement.variable)
                of = statement.variable.type
                self.left_value(statement.variable, "the variable of a loop")
            self._collection(collection, of)
            self.loops += 1
            self._branch(statement.body)
            self.loops -= 1

    def _collection(self, collection: ast.Expression, of: t.Type) -> None:
        match collection:
            case ast.Range():
                collection.low = self.convert(collection.low, of, "the first value")
                collection.high = self.convert(collection.high, of, "the last value")
                collection.type = t.SetType(of)
                return
        match collection.type:
            case t.UNKNOWN:
                pass
            case t.StackType(element) | t.ListType(element):
                if element != of and t.UNKNOWN not in (element, of):
                    self.error(collection.span, f"the variable is {of}, and the elements are {element}")
            case _:
                self.error(collection.span, f"a loop cannot run over {collection.type}")


def _always_returns(statement: ast.Statement | ast.Declaration | None) -> bool:
    """Whether every path through the statement ends in return (or exit)."""
    match statement:
        case ast.Return() | ast.Exit():
            return True
        case ast.Block(body=body):
            return any(map(_always_returns, body))
        case ast.If(then=then, otherwise=otherwise):
            return _always_returns(then) and _always_returns(otherwise)
        case ast.Switch(cases=cases):
            blocks = [c.block for c in cases if c.block is not None]
            has_default = any(c.label is None for c in cases)
            return has_default and bool(blocks) and all(map(_always_returns, blocks))
    return False
