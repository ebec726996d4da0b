//! What the owner is told of services that send mail for others.

use super::Answer;
use policy::config::{Outbound, Relay, Settings};
use policy::relay_presets::{PRESETS, Preset, User};
use serde_json::json;

/// Every service `outbound.relay` knows by name.
pub fn relay_presets() -> Answer {
    let mut answer = Answer::lists(PRESETS.iter().map(|preset| {
        let user = match preset.user {
            User::Fixed(word) => word,
            User::SameAsPassword => "the password once more",
            User::Own(form) => form,
        };
        json!({ "name": preset.name, "host": preset.host, "ports": preset.ports, "user": user })
    }));
    let explained: Vec<String> = PRESETS.iter().map(Preset::explain).collect();
    answer.message = format!(
        "\n{}\nIn config.toml: outbound.relay = \"name\" and outbound.relay_password, or a relay of its own for some mail under\n\
         [outbound.relays.any-word]: relay, user, password, and to = [\"domain\"] or from = [\"domain\"].",
        explained.join("\n")
    );
    answer
}

/// For each relay of a configuration what must be set up at its service.
pub fn relay_hints(settings: &Settings) -> Vec<String> {
    let Outbound { relays, .. } = &settings.outbound;
    let names = std::iter::once(None).chain(relays.keys().map(|name| Some(name.as_str())));
    let relays = names.filter_map(|name| settings.outbound.relay(name));
    relays
        .filter_map(|Relay { preset, .. }| Some(format!("Not to be forgotten:\n{}", preset?.explain())))
        .collect()
}
