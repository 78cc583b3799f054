//! The text of a query: which columns it names, dotted names without quotes, and one order for rows that tie.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, Expr, FunctionArguments, GroupByExpr, Ident, ObjectName, OrderBy, OrderByExpr, OrderByKind,
    OrderByOptions, Query, Select, SelectItem, SetExpr, Statement, TableFactor, Value, VisitMut, VisitorMut,
    visit_expressions,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserOptions};

use super::QueryError;

/// The records.
pub const LOG: &str = "log";
/// What the rules found in them.
pub const FINDINGS: &str = "findings";

/// A query that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// What is executed: one statement, dotted names quoted, ties ordered.
    pub sql: String,
    /// Names that may be columns, as they are written.
    pub names: BTreeSet<String>,
    /// Tables that are read and not defined by the query itself.
    pub tables: BTreeSet<String>,
    /// Whether the logs may be read more than once: it names two tables, or one twice.
    pub reads_again: bool,
}

/// Reads a query.
///
/// # Errors
/// It is not one `SELECT` statement, or reads something else than the two tables.
pub fn parse(sql: &str) -> Result<Parsed, QueryError> {
    let options = ParserOptions { trailing_commas: true, ..ParserOptions::default() };
    let parsed = Parser::new(&GenericDialect).with_options(options).try_with_sql(sql);
    let statements = parsed
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| QueryError::Syntax(error.to_string()))?;
    let Ok([mut statement]) = <[Statement; 1]>::try_from(statements) else { return Err(QueryError::NotOne) };
    if !matches!(statement, Statement::Query(_)) {
        return Err(QueryError::NotASelect);
    }
    let mut scope = Scope::default();
    let _whole = statement.visit(&mut scope);
    if let Some(function) = scope.functions.first() {
        return Err(QueryError::Table(function.clone()));
    }
    let tables: BTreeSet<String> = scope.relations.difference(&scope.defined).cloned().collect();
    if let Some(unknown) = tables.iter().find(|name| ![LOG, FINDINGS].contains(&name.as_str())) {
        return Err(QueryError::Table(unknown.clone()));
    }
    let mut rewrite = Rewrite { scope: &scope, names: BTreeSet::new() };
    let _whole = statement.visit(&mut rewrite);
    let names = rewrite.names.difference(&scope.aliases).cloned().collect();
    let named: BTreeSet<&String> = scope.reads.iter().collect();
    let reads_again = tables.len() > 1 || named.len() < scope.reads.len();
    Ok(Parsed { sql: statement.to_string(), names, tables, reads_again })
}

/// What a query defines and reads.
#[derive(Default)]
struct Scope {
    /// Names of tables that the query makes: `WITH x AS`, `(SELECT …) AS x`.
    defined: BTreeSet<String>,
    /// Tables that it reads.
    relations: BTreeSet<String>,
    /// The same, each as often as it is named.
    reads: Vec<String>,
    /// Other names of tables.
    table_aliases: BTreeSet<String>,
    /// Names of columns that it makes.
    aliases: BTreeSet<String>,
    /// Tables that are calls.
    functions: Vec<String>,
}

impl Scope {
    fn is_table(&self, name: &str) -> bool {
        [&self.defined, &self.relations, &self.table_aliases].iter().any(|names| names.contains(name))
    }
}

impl VisitorMut for Scope {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.defined.insert(table.alias.name.value.clone());
            self.aliases.extend(table.alias.columns.iter().map(|column| column.name.value.clone()));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { expr, alias } = item
                && !mentions(expr, &alias.value)
            {
                self.aliases.insert(alias.value.clone());
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let alias = match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                self.relations.insert(joined(name));
                self.reads.push(joined(name));
                alias
            }
            TableFactor::Derived { alias, .. } | TableFactor::NestedJoin { alias, .. } => alias,
            other => {
                self.functions.push(other.to_string());
                return ControlFlow::Continue(());
            }
        };
        if let Some(alias) = alias {
            self.table_aliases.insert(alias.name.value.clone());
            self.aliases.extend(alias.columns.iter().map(|column| column.name.value.clone()));
        }
        ControlFlow::Continue(())
    }
}

/// Quotes names and orders ties.
struct Rewrite<'a> {
    scope: &'a Scope,
    names: BTreeSet<String>,
}

impl Rewrite<'_> {
    /// A dotted name is a column, unless it begins with the name of a table.
    fn column(&self, parts: &[Ident]) -> Vec<Ident> {
        let texts: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
        match texts.split_first() {
            Some((first, rest)) if !rest.is_empty() && self.scope.is_table(first) => {
                vec![Ident::with_quote('"', *first), Ident::with_quote('"', rest.join("."))]
            }
            _ => vec![Ident::with_quote('"', texts.join("."))],
        }
    }
}

impl VisitorMut for Rewrite<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let Some(ties) = ties(query) else { return ControlFlow::Continue(()) };
        let order = query
            .order_by
            .get_or_insert_with(|| OrderBy { kind: OrderByKind::Expressions(Vec::new()), interpolate: None });
        if let OrderByKind::Expressions(order) = &mut order.kind {
            order.extend(ties.into_iter().map(|expr| OrderByExpr {
                expr,
                options: OrderByOptions { asc: None, nulls_first: None },
                with_fill: None,
            }));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        // Some first words, such as `user`, are functions of SQL when they stand alone.
        if let Some(parts) = dotted(expr) {
            *expr = Expr::CompoundIdentifier(parts);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let parts = match expr {
            Expr::Identifier(ident) => std::slice::from_ref(ident),
            Expr::CompoundIdentifier(parts) => parts.as_slice(),
            _ => return ControlFlow::Continue(()),
        };
        let mut column = self.column(parts);
        self.names.extend(column.last().map(|name| name.value.clone()));
        *expr = match (column.len(), column.pop()) {
            (1, Some(name)) => Expr::Identifier(name),
            (_, Some(name)) => Expr::CompoundIdentifier(column.into_iter().chain([name]).collect()),
            (_, None) => return ControlFlow::Continue(()),
        };
        ControlFlow::Continue(())
    }
}

/// Whether a name stands in an expression.
fn mentions(expr: &Expr, name: &str) -> bool {
    let is_name = |part: &Expr| matches!(part, Expr::Identifier(ident) if ident.value == name);
    let found = visit_expressions(expr, |part| {
        if is_name(part) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    found.is_break()
}

/// The parts of a dotted name that was read as the parts of a value.
fn dotted(expr: &Expr) -> Option<Vec<Ident>> {
    let Expr::CompoundFieldAccess { root, access_chain } = expr else { return None };
    let word = |expr: &Expr| match expr {
        Expr::Identifier(ident) => Some(ident.clone()),
        Expr::Function(function) if matches!(function.args, FunctionArguments::None) => {
            Some(Ident::new(joined(&function.name)))
        }
        _ => None,
    };
    let rest = access_chain.iter().map(|access| match access {
        AccessExpr::Dot(part) => word(part),
        AccessExpr::Subscript(_) => None,
    });
    std::iter::once(word(root)).chain(rest).collect()
}

fn joined(name: &ObjectName) -> String {
    name.0
        .iter()
        .filter_map(|part| part.as_ident())
        .map(|part| part.value.as_str())
        .collect::<Vec<_>>()
        .join(".")
}

/// What has to be added to the order of a query, so that its rows have one order whoever computes them: the keys of its
/// groups, or the place of each record in the logs. `None` where rows keep the order of the logs by themselves.
fn ties(query: &Query) -> Option<Vec<Expr>> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let GroupByExpr::Expressions(keys, _) = &select.group_by else { return None };
    if !keys.is_empty() {
        return Some(keys.iter().filter_map(|key| key_column(key, &select.projection)).collect());
    }
    let ordered =
        query.order_by.as_ref().is_some_and(|order| matches!(order.kind, OrderByKind::Expressions(_)));
    let [table] = select.from.as_slice() else { return None };
    let is_log = matches!(&table.relation, TableFactor::Table { name, .. } if joined(name) == LOG);
    let plain = ordered && is_log && table.joins.is_empty() && select.distinct.is_none();
    plain.then(|| ["_file", "_record"].map(|name| Expr::Identifier(Ident::with_quote('"', name))).to_vec())
}

/// The column of a result that a key of its groups becomes.
fn key_column(key: &Expr, projection: &[SelectItem]) -> Option<Expr> {
    let item = match key {
        Expr::Value(value) => {
            let Value::Number(number, _) = &value.value else { return None };
            projection.get(number.parse::<usize>().ok()?.checked_sub(1)?)
        }
        key => projection.iter().find(
            |item| matches!(item, SelectItem::ExprWithAlias { expr, .. } | SelectItem::UnnamedExpr(expr) if expr == key),
        ),
    };
    match item {
        Some(SelectItem::ExprWithAlias { alias, .. }) => Some(Expr::Identifier(alias.clone())),
        Some(SelectItem::UnnamedExpr(expr)) => Some(expr.clone()),
        _ => matches!(key, Expr::Identifier(_) | Expr::CompoundIdentifier(_)).then(|| key.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(text: &str) -> String {
        parse(text).unwrap().sql
    }

    #[test]
    fn dotted_names_are_columns_unless_they_begin_with_a_table() {
        assert_eq!(sql("SELECT user.email FROM log"), r#"SELECT "user.email" FROM log"#);
        assert_eq!(sql("SELECT l.user.email FROM log AS l"), r#"SELECT "l"."user.email" FROM log AS l"#);
        assert_eq!(sql("select @timestamp from log"), r#"SELECT "@timestamp" FROM log"#);
        let parsed = parse("SELECT CAST(n AS BIGINT) AS n FROM log").unwrap();
        assert_eq!(parsed.names, ["n".to_owned()].into());
        let parsed = parse(r#"SELECT "a.b", c AS d FROM log WHERE d > 1"#).unwrap();
        assert_eq!(parsed.names, ["a.b", "c"].map(str::to_owned).into());
    }

    #[test]
    fn groups_and_ties_have_one_order() {
        assert_eq!(
            sql("SELECT user.email, count(*) AS n FROM log GROUP BY user.email ORDER BY n DESC"),
            r#"SELECT "user.email", count(*) AS n FROM log GROUP BY "user.email" ORDER BY "n" DESC, "user.email""#
        );
        assert_eq!(
            sql("SELECT upper(a) AS b, count(*) FROM log GROUP BY 1"),
            r#"SELECT upper("a") AS b, count(*) FROM log GROUP BY 1 ORDER BY "b""#
        );
        assert_eq!(
            sql("SELECT a FROM log ORDER BY a"),
            r#"SELECT "a" FROM log ORDER BY "a", "_file", "_record""#
        );
        assert_eq!(sql("SELECT a FROM log LIMIT 2"), r#"SELECT "a" FROM log LIMIT 2"#);
    }

    #[test]
    fn what_reads_the_logs_again_is_told() {
        for (text, again) in [
            ("SELECT a FROM log", false),
            ("SELECT title FROM findings", false),
            ("WITH x AS (SELECT a FROM log) SELECT a FROM x", false),
            ("SELECT l.a FROM log l JOIN findings f ON l.a = f.actor", true),
            ("SELECT a FROM log WHERE a IN (SELECT actor FROM findings)", true),
            ("SELECT a FROM log UNION ALL SELECT a FROM log", true),
            ("WITH x AS (SELECT a FROM log) SELECT p.a FROM x p JOIN x q ON p.a = q.a", true),
        ] {
            assert_eq!(parse(text).unwrap().reads_again, again, "{text}");
        }
    }

    #[test]
    fn one_select_of_the_two_tables_is_all_that_is_taken() {
        let tables = |text| parse(text).map(|parsed| parsed.tables);
        assert_eq!(
            tables("WITH x AS (SELECT a FROM log) SELECT a FROM x").unwrap(),
            ["log".to_owned()].into()
        );
        assert_eq!(
            tables("SELECT l.a FROM log l JOIN findings f ON l.a = f.actor").unwrap(),
            ["findings", "log"].map(str::to_owned).into()
        );
        for (wrong, said) in [
            ("SELECT 1; SELECT 2", "one statement"),
            ("DROP TABLE log", "SELECT"),
            ("DELETE FROM log", "SELECT"),
            ("SELECT a FROM logs", "`logs`"),
            ("SELECT a FROM read_csv('/etc/passwd')", "read_csv"),
            ("SELECT a FROM log WHERE a IN (SELECT b FROM read_parquet('x'))", "read_parquet"),
            ("SELECT a FROM", "Expected"),
            ("", "one statement"),
        ] {
            let error = parse(wrong).unwrap_err().to_string();
            assert!(error.contains(said), "{wrong}: {error}");
        }
    }
}
