use policy::access::List;
use policy::rules::{Rule, Rules, Vacation};
use serde::{Deserialize, Serialize};

/// One thing to do or to show.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Command {
    /// A new entry for the list of the wanted or the unwanted.
    AccessAdd {
        /// Which list.
        list: List,
        /// A domain, an address, an IP address or a range.
        entry: String,
    },
    /// What the command line put on a list.
    AccessList {
        /// Which list.
        list: List,
    },
    /// Takes an entry off a list.
    AccessRemove {
        /// Which list.
        list: List,
        /// As it was added.
        entry: String,
    },
    /// A new account with its password.
    AccountAdd {
        /// Its address.
        address: String,
        /// Its password.
        password: String,
        /// What it may hold, when that is not what all may.
        quota: Option<String>,
    },
    /// Every account.
    AccountList,
    /// A new password for an account.
    AccountPassword {
        /// Which account.
        address: String,
        /// The new password.
        password: String,
    },
    /// What an account may hold, or without anything new what it may and does.
    AccountQuota {
        /// Which account.
        address: String,
        /// A size, `none`, or `default` for what all may.
        storage: Option<String>,
        /// A number of messages or `none`.
        messages: Option<String>,
    },
    /// Ends an account; its mail is moved aside.
    AccountRemove {
        /// Which account.
        address: String,
    },
    /// What an account may send, or without anything new what it may and did.
    AccountSending {
        /// Which account.
        address: String,
        /// Messages a day, or `default` for what all may.
        messages: Option<String>,
        /// Recipients a day, or `default` for what all may.
        recipients: Option<String>,
    },
    /// A new alias, or a new target for one.
    AliasAdd {
        /// The other name.
        address: String,
        /// Where its mail goes.
        target: String,
    },
    /// Every alias.
    AliasList,
    /// Ends an alias.
    AliasRemove {
        /// Which one.
        address: String,
    },
    /// A password for one device or program.
    AppPasswordAdd {
        /// For which account.
        address: String,
        /// What the device is called.
        name: String,
        /// Whether no mail can be read with it.
        send_only: bool,
        /// The one address it sends as.
        from: Option<String>,
        /// Messages an hour.
        per_hour: Option<u32>,
    },
    /// The app passwords of an account.
    AppPasswordList {
        /// Which account.
        address: String,
    },
    /// Revokes one app password.
    AppPasswordRevoke {
        /// Of which account.
        address: String,
        /// Which one.
        name: String,
    },
    /// Lets somebody in again who guessed passwords.
    BanLift {
        /// His address.
        address: String,
    },
    /// Who is shut out for guessing passwords.
    BanList,
    /// The keys that sign mail and what is to be published of them.
    DkimList,
    /// The next keys for a domain, before their time.
    DkimRotate {
        /// Which domain.
        domain: String,
    },
    /// A new domain to receive mail for.
    DomainAdd {
        /// Its name.
        domain: String,
    },
    /// Where mail for unknown names of a domain goes; nowhere without a target.
    DomainCatchAll {
        /// Which domain.
        domain: String,
        /// The address that gets it.
        target: Option<String>,
    },
    /// Every domain.
    DomainList,
    /// Whether an account may send as any address of a domain.
    DomainMasquerade {
        /// Which domain.
        domain: String,
        /// Which account.
        account: String,
        /// Whether it may.
        allowed: bool,
    },
    /// Ends a domain nobody has an address in.
    DomainRemove {
        /// Which one.
        domain: String,
    },
    /// A new group, or more members for one.
    GroupAdd {
        /// Its address.
        address: String,
        /// Who gets its mail.
        members: Vec<String>,
    },
    /// Every group with its members.
    GroupList,
    /// Ends a group, or takes single members out of it.
    GroupRemove {
        /// Which group.
        address: String,
        /// The members to take out; all when empty, and the group with them.
        members: Vec<String>,
    },
    /// Gives up a queued message without a report.
    QueueDelete {
        /// Which one.
        id: String,
    },
    /// Keeps queued mail from being tried.
    QueueHold {
        /// Which.
        what: Selection,
    },
    /// What waits to go out.
    QueueList,
    /// Lets held mail go on.
    QueueRelease {
        /// Which.
        what: Selection,
    },
    /// Tries a message, or all, now.
    QueueRetry {
        /// Which one; all when absent.
        id: Option<String>,
    },
    /// Everything about one queued message.
    QueueShow {
        /// Which one.
        id: String,
    },
    /// What is thought of a message's content.
    SpamExplain {
        /// To whom it came; the household when absent.
        account: Option<String>,
        /// Its beginning, in Base64.
        message: String,
    },
    /// What an account has learnt, to be imported elsewhere.
    SpamExport {
        /// Which account.
        account: String,
    },
    /// Forgets what an account taught.
    SpamForget {
        /// Which account.
        account: String,
    },
    /// Adds an export to what an account has learnt.
    SpamImport {
        /// Which account.
        account: String,
        /// The export, in Base64.
        export: String,
    },
    /// How much was learnt.
    SpamStats {
        /// By one account alone.
        account: Option<String>,
    },
    /// Learns messages.
    SpamTrain {
        /// Who learns.
        account: String,
        /// `policy::spam::Taught` of each, in Base64.
        messages: Vec<String>,
    },
    /// What is wrong now.
    Status,
    /// What others reported about this box's domains.
    ReportsList {
        /// Of one domain alone.
        domain: Option<String>,
        /// Of one month alone, such as `2026-11`.
        month: Option<String>,
    },
    /// Sends the reports others asked for now, about everything up to now.
    ReportsSend,
    /// One more rule of an account, after the others.
    RulesAdd {
        /// Whose.
        account: String,
        /// The rule.
        rule: Box<Rule>,
    },
    /// Ends rules of an account.
    RulesRemove {
        /// Whose.
        account: String,
        /// What they are called.
        name: String,
    },
    /// All rules of an account anew.
    RulesSet {
        /// Whose.
        account: String,
        /// The rules.
        rules: Rules,
    },
    /// The rules of an account.
    RulesShow {
        /// Whose.
        account: String,
    },
    /// What an account answers while its owner is away.
    RulesVacation {
        /// Whose.
        account: String,
        /// What changes.
        change: VacationChange,
    },
    /// Which script is run, or none.
    ScriptActivate {
        /// Whose.
        account: String,
        /// Its name.
        name: Option<String>,
    },
    /// Deletes a script.
    ScriptDelete {
        /// Whose.
        account: String,
        /// Its name.
        name: String,
    },
    /// A script's text.
    ScriptGet {
        /// Whose.
        account: String,
        /// Its name; the active one's when absent.
        name: Option<String>,
    },
    /// What an account's scripts said.
    ScriptLog {
        /// Whose.
        account: String,
    },
    /// The scripts of an account.
    ScriptList {
        /// Whose.
        account: String,
    },
    /// A new script, or a new text for one.
    ScriptPut {
        /// Whose.
        account: String,
        /// Its name.
        name: String,
        /// Its text.
        text: String,
        /// Whether it is the one that is run from now on.
        activate: bool,
    },
}

/// What changes about a vacation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum VacationChange {
    /// It says something else.
    Says(Box<Vacation>),
    /// It answers, or no longer.
    IsOn(bool),
}

/// Which queued mail is meant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Selection {
    /// One message.
    Message(String),
    /// All mail to a domain, also what is still to come.
    Domain(String),
    /// All mail, also what is still to come.
    All,
}
