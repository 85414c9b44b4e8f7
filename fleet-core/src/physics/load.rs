//! A model of your own, from JSON or TOML: every fault of the file in one answer.
//!
//! A deserialiser stops at the first fault. So the text becomes a tree first, and the tree is held
//! against that of a bundled model: what is missing, unknown or of another type is noted and put
//! right with a stand-in; then the ranges are tested as well. What depends on a stand-in is not
//! judged, nor are the rules between parts before each part is sound.

use serde_json::{Map, Value};

use super::check;
use super::model::TruckModel;
use crate::{Error, Result, names::nearest};

/// Fields that a file may leave out.
const OPTIONAL: [&str; 1] = ["notes"];
/// The only field whose keys are free.
const FREE: &str = "sources";

impl TruckModel {
    /// A set of your own, in the shape of one entry of `data/truck_models.json`; see
    /// [`docs/truck-models.md`](https://github.com/data-fleet/data-fleet/blob/main/docs/truck-models.md).
    ///
    /// # Errors
    /// `Invalid`: text that is no JSON (with line and column), or all faults of the set at once:
    /// fields that are missing, unknown or of the wrong type, values outside their ranges, each
    /// with its path, value and rule.
    ///
    /// ```
    /// use fleet_core::physics::TruckModel;
    /// let told = TruckModel::from_json(r#"{"id": "mine", "gvw": 9}"#).unwrap_err().to_string();
    /// assert!(told.contains("gvw: unknown field; did you mean gvw_kg?"), "{told}");
    /// assert!(told.contains("engine: missing"), "{told}");
    /// ```
    pub fn from_json(text: &str) -> Result<Self> {
        let tree = serde_json::from_str(text)
            .map_err(|error| Error::invalid("truck model").with_source(error))?;
        from_tree(tree)
    }

    /// The same from TOML, the fields by the same names.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    ///
    /// ```
    /// use fleet_core::physics::TruckModel;
    /// let told = TruckModel::from_toml("gvw_kg = 'heavy'").unwrap_err().to_string();
    /// assert!(told.contains(r#"gvw_kg: "heavy" is not a number"#), "{told}");
    /// ```
    pub fn from_toml(text: &str) -> Result<Self> {
        let tree = toml::from_str(text)
            .map_err(|error| Error::invalid("truck model").with_source(error))?;
        from_tree(tree)
    }
}

fn from_tree(tree: Value) -> Result<TruckModel> {
    let id = tree.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let pattern = serde_json::to_value(TruckModel::bundled()[0].as_ref())
        .expect("a model's fields are text and finite numbers");
    let mut reading = Reading::default();
    let whole = reading.value("", Some(tree), &pattern);
    let model: TruckModel = serde_json::from_value(whole)
        .map_err(|error| Error::invalid(format!("truck model {id:?}")).with_source(error))?;
    if reading.faults.is_empty() {
        model.check()?;
        return Ok(model);
    }
    let judged = |fault: &String| {
        let path = fault.split_once(": ").map_or("", |(path, _)| path);
        !reading.replaced.iter().any(|replaced| concerns(path, replaced))
    };
    let beside: Vec<String> = check::parts(&model).into_iter().filter(judged).collect();
    let faults = [reading.faults, beside].concat();
    Err(Error::invalid(format!("truck model {id:?}: {}", faults.join("; "))))
}

/// Whether one of the paths is the other, or contains it.
fn concerns(a: &str, b: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| matches!(rest.bytes().next(), None | Some(b'.' | b'[')))
    };
    within(a, b) || within(b, a)
}

/// A file as far as it has been read.
#[derive(Default)]
struct Reading {
    faults: Vec<String>,
    /// Paths where a stand-in took the place of what was missing or of the wrong type.
    replaced: Vec<String>,
}

impl Reading {
    /// `given` where it looks like `pattern`; elsewhere a fault, and a stand-in.
    fn value(&mut self, path: &str, given: Option<Value>, pattern: &Value) -> Value {
        let Some(given) = given else { return self.replace(path, "missing", pattern) };
        match (given, pattern) {
            (Value::Object(given), Value::Object(pattern)) => self.table(path, given, pattern),
            (Value::Array(given), Value::Array(pattern)) => self.list(path, given, pattern),
            (given @ Value::String(_), Value::String(_)) => given,
            (Value::Number(number), Value::Number(like)) if !like.is_u64() || is_small(&number) => {
                Value::Number(number)
            }
            (given, _) => {
                let expected = expectation(pattern);
                self.replace(path, &format!("{} is not {expected}", shown(&given)), pattern)
            }
        }
    }

    fn table(
        &mut self,
        path: &str,
        mut given: Map<String, Value>,
        pattern: &Map<String, Value>,
    ) -> Value {
        let at =
            |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        if path == FREE {
            let text = Value::String(String::new());
            return given
                .into_iter()
                .map(|(name, value)| (name.clone(), self.value(&at(&name), Some(value), &text)))
                .collect();
        }
        let mut whole = Map::new();
        for (name, like) in pattern {
            let value = given.remove(name);
            if value.is_some() || !OPTIONAL.contains(&name.as_str()) {
                whole.insert(name.clone(), self.value(&at(name), value, like));
            }
        }
        for name in given.keys() {
            let near = nearest(name, pattern.keys().map(String::as_str));
            let hint = near.first().map_or(String::new(), |near| format!("; did you mean {near}?"));
            self.faults.push(format!("{}: unknown field{hint}", at(name)));
        }
        Value::Object(whole)
    }

    fn list(&mut self, path: &str, given: Vec<Value>, pattern: &[Value]) -> Value {
        let Some(like) = pattern.first() else { return Value::Array(given) };
        let items = given.into_iter().enumerate();
        let mut item = |(i, value): (usize, Value)| {
            let path = format!("{path}[{i}]");
            match (like, value) {
                // The pairs of a curve.
                (Value::Array(pair), Value::Array(values)) if pair.len() != values.len() => {
                    let told = format!("{} values, expected {}", values.len(), pair.len());
                    self.replace(&path, &told, like)
                }
                (like, value) => self.value(&path, Some(value), like),
            }
        };
        items.map(&mut item).collect()
    }

    fn replace(&mut self, path: &str, told: &str, pattern: &Value) -> Value {
        let path = if path.is_empty() { "the file" } else { path };
        self.faults.push(format!("{path}: {told}"));
        self.replaced.push(path.to_owned());
        stand_in(pattern)
    }
}

/// `pattern` with [`check::UNKNOWN`] for each number, so that no rule is judged by it.
fn stand_in(pattern: &Value) -> Value {
    match pattern {
        Value::Number(number) if !number.is_u64() => check::UNKNOWN.into(),
        Value::Array(items) => items.iter().map(stand_in).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), stand_in(value))).collect()
        }
        other => other.clone(),
    }
}

/// Whether a count fits the model's `u8`.
fn is_small(number: &serde_json::Number) -> bool {
    number.as_u64().is_some_and(|count| u8::try_from(count).is_ok())
}

fn expectation(pattern: &Value) -> &'static str {
    match pattern {
        Value::Number(number) if number.is_u64() => "a whole number of 0 to 255",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
        Value::Bool(_) => "true or false",
        Value::Null => "empty",
    }
}

/// A value in an answer: short ones as they are.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "a table".into(),
        Value::Null => "no finite value".into(),
        Value::String(text) if text.chars().count() > 40 => "a long text".into(),
        short => short.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn tree() -> Value {
        serde_json::to_value(TruckModel::bundled()[3].as_ref()).expect("a model is a tree")
    }

    fn told(tree: &Value) -> String {
        let error = TruckModel::from_json(&tree.to_string()).expect_err("faults");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        error.to_string()
    }

    /// A tree as TOML, one line a field.
    fn toml_of(tree: &Value) -> String {
        fn value(of: &Value) -> String {
            match of {
                Value::Object(fields) => format!("{{{}}}", lines(fields).join(", ")),
                Value::Array(items) => {
                    format!("[{}]", items.iter().map(value).collect::<Vec<_>>().join(", "))
                }
                plain => plain.to_string(),
            }
        }
        fn lines(fields: &Map<String, Value>) -> Vec<String> {
            fields.iter().map(|(name, field)| format!("{name:?} = {}", value(field))).collect()
        }
        lines(tree.as_object().expect("a table")).join("\n")
    }

    #[test]
    fn json_and_toml_give_the_same_model() {
        for model in TruckModel::bundled() {
            let json = serde_json::to_string(model.as_ref()).expect("a model is JSON");
            assert_eq!(&TruckModel::from_json(&json).expect("its own JSON"), model.as_ref());
            let tree = serde_json::to_value(model.as_ref()).expect("a model is a tree");
            let toml = TruckModel::from_toml(&toml_of(&tree)).expect("its own TOML");
            assert_eq!(&toml, model.as_ref());
        }
        let mut whole = tree();
        whole.as_object_mut().expect("a table").remove("notes");
        assert_eq!(TruckModel::from_json(&whole.to_string()).expect("no notes").notes, "");
    }

    #[test]
    fn faults_of_shape_and_of_range_are_told_together() {
        let mut tree = tree();
        tree["cda_m2"] = 99.0.into();
        tree["fuel_tank"] = 300.0.into();
        tree["tyre"]["wheels"] = 10.5.into();
        tree["engine"]["willans"]["rpm_step"] = "200".into();
        tree["engine"]["full_load_torque_nm"][1] = serde_json::json!([1_000.0]);
        tree["driveline"]["gear_ratios"][2] = Value::Null;
        tree.as_object_mut().expect("a table").remove("gvw_kg");
        let told = told(&tree);
        for fault in [
            "gvw_kg: missing",
            "cda_m2: 99 is outside 1 to 15",
            "fuel_tank: unknown field; did you mean fuel_tank_l?",
            "tyre.wheels: 10.5 is not a whole number of 0 to 255",
            "engine.willans.rpm_step: \"200\" is not a number",
            "engine.full_load_torque_nm[1]: 1 values, expected 2",
            "driveline.gear_ratios[2]: no finite value is not a number",
        ] {
            assert!(told.contains(fault), "{told:?} lacks {fault:?}");
        }
        assert_eq!(
            told.matches("; ").count(),
            7,
            "nothing else, least of all by stand-ins: {told}"
        );
    }

    #[test]
    fn a_file_that_is_no_table_and_an_empty_one_are_told() {
        assert!(told(&Value::Array(vec![])).contains("the file: a list is not a table"));
        let empty = told(&Value::Object(Map::new()));
        for field in ["id: missing", "engine: missing", "fuel_tank_l: missing"] {
            assert!(empty.contains(field), "{empty}");
        }
        assert!(!empty.contains("outside") && !empty.contains(": must"), "{empty}");
    }

    #[test]
    fn text_that_cannot_be_read_is_told_with_its_place() {
        let json = TruckModel::from_json("{\"id\": ").expect_err("cut off");
        assert!(json.to_string().contains("line 1"), "{json}");
        let toml = TruckModel::from_toml("id = ").expect_err("cut off");
        assert_eq!(toml.kind(), ErrorKind::Invalid);
        assert!(toml.to_string().contains("line 1"), "{toml}");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(at in 0..6_000_usize, byte in proptest::prelude::any::<u8>()) {
            let mut bytes = tree().to_string().into_bytes();
            let at = at.min(bytes.len() - 1);
            bytes[at] = byte;
            let text = String::from_utf8_lossy(&bytes);
            drop((TruckModel::from_json(&text), TruckModel::from_toml(&text)));
        }
    }
}
