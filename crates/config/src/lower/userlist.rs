//! `userlist` sections: users and groups (manual 12.2).

use std::collections::BTreeMap;

use expr::auth::{Password, User};
use model::Userlist;

use super::args::{Args, Outcome, alert};
use super::context::Lowering;
use crate::ast::{Prefix, Section, Word};
use crate::diagnostic::{Diagnostic, Severity};

#[derive(Default)]
struct Lists<'a> {
    users: BTreeMap<String, User>,
    /// Groups with the users that they name themselves.
    groups: BTreeMap<&'a str, Vec<(&'a str, Word<'a>)>>,
    /// Groups that users name.
    named: Vec<(&'a str, &'a str, Word<'a>)>,
}

/// Reads one section.
pub(crate) fn section<'a>(cx: &mut Lowering<'a>, section: Section<'a>) -> Option<Userlist> {
    let name = cx.name(section.name()?.value());
    let mut lists = Lists::default();
    for line in section.lines() {
        let mut args = Args::new(line, 1, Prefix::None);
        let outcome = match line.keyword() {
            "user" => user(&mut lists, &mut args),
            "group" => group(&mut lists, &mut args),
            _ => Ok(()),
        };
        cx.note(outcome);
    }
    join(cx, &mut lists);
    Some(Userlist { name, users: expr::auth::Userlist { users: lists.users } })
}

/// `user NAME [password HASH | insecure-password TEXT] [groups A,B]`.
fn user<'a>(lists: &mut Lists<'a>, args: &mut Args<'a>) -> Outcome {
    let word = args.require("a name")?;
    let name = word.value();
    if lists.users.contains_key(name) {
        return Err(alert(word.span(), format!("user '{name}' exists already")));
    }
    let mut password = None;
    while let Some(option) = args.next() {
        args.begin_option();
        match option.value() {
            "password" => password = Some(Password::Crypt(args.text("a hash")?.to_owned())),
            "insecure-password" => {
                password = Some(Password::Plain(args.text("a password")?.to_owned()));
            }
            "groups" => {
                let groups = args.require("groups")?;
                lists.named.extend(groups.value().split(',').map(|group| (name, group, groups)));
            }
            _ => return Err(args.unexpected("'password', 'insecure-password' or 'groups'")),
        }
    }
    let Some(password) = password else {
        return Err(alert(word.span(), format!("user '{name}' has no password")));
    };
    lists.users.insert(name.to_owned(), User { password, groups: Vec::new() });
    Ok(())
}

/// `group NAME [users A,B]`.
fn group<'a>(lists: &mut Lists<'a>, args: &mut Args<'a>) -> Outcome {
    let word = args.require("a name")?;
    let name = word.value();
    if lists.groups.contains_key(name) {
        return Err(alert(word.span(), format!("group '{name}' exists already")));
    }
    let mut users = Vec::new();
    if args.eat("users") {
        let list = args.require("users")?;
        users.extend(list.value().split(',').map(|user| (user, list)));
    }
    args.end()?;
    lists.groups.insert(name, users);
    Ok(())
}

/// Membership may be written at either end; both must exist.
fn join(cx: &mut Lowering<'_>, lists: &mut Lists<'_>) {
    let mut missing = Vec::new();
    for (user, group, word) in &lists.named {
        match (lists.groups.contains_key(group), lists.users.get_mut(*user)) {
            (false, _) => missing.push((format!("there is no group '{group}' here"), *word)),
            (true, Some(user)) => user.groups.push((*group).to_owned()),
            (true, None) => {}
        }
    }
    for (group, users) in &lists.groups {
        for (name, word) in users {
            match lists.users.get_mut(*name) {
                Some(user) if user.groups.iter().any(|known| known == group) => {}
                Some(user) => user.groups.push((*group).to_owned()),
                None => missing.push((format!("there is no user '{name}' here"), *word)),
            }
        }
    }
    for (reason, word) in missing {
        cx.diagnostics.push(Diagnostic::new(Severity::Alert, word.span(), reason));
    }
}
