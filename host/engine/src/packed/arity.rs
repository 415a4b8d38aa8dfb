//! How many flat values a function takes and gives, which the Rust type of its packed values has to say.

use wasmtime::component::Type;
use wasmtime::component::types::ComponentFunc;

use super::MAX_FLAT_PARAMS;

/// The flat values of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arity {
    /// Of its parameters; `None` if there are so many that they go through memory.
    params: Option<usize>,
    /// Of its result; `None` if there are so many that they go through memory everywhere.
    results: Option<usize>,
}

/// What is done with the Rust types that a function needs.
pub(crate) trait ByArity {
    /// What comes out.
    type Output;

    /// Does it, for a function whose parameters are `Packed<P>` and whose result is `Packed<R>`.
    fn with<const P: usize, const R: usize>(self) -> Self::Output;
}

/// Calls `with` for what stands for the two counts, of a function whose result goes through memory where it has more than
/// one flat value.
macro_rules! choose {
    ($visitor:ident, $params:expr, $results:expr; $($p:literal)*) => {
        match ($params, $results) {
            $(
                ($p, Some(0)) => $visitor.with::<$p, 0>(),
                ($p, Some(1)) => $visitor.with::<$p, 1>(),
                ($p, _) => $visitor.with::<$p, 2>(),
            )*
            // What goes through memory is not flat, whatever the type says.
            (_, Some(0)) => $visitor.with::<16, 0>(),
            (_, Some(1)) => $visitor.with::<16, 1>(),
            (_, _) => $visitor.with::<16, 2>(),
        }
    };
}

/// Calls `with` for what stands for the count of the result, of a function whose result goes flat as long as its parameters
/// would.
macro_rules! choose_by_result {
    ($visitor:ident, $results:expr; $($r:literal)*) => {
        match $results {
            $(Some($r) => $visitor.with::<16, $r>(),)*
            // Any count beyond.
            _ => $visitor.with::<16, 17>(),
        }
    };
}

impl Arity {
    /// That of `function`.
    pub(crate) fn of(function: &ComponentFunc) -> Self {
        let mut params = Count { left: MAX_FLAT_PARAMS };
        let mut results = Count { left: MAX_FLAT_PARAMS };
        let params = function.params().try_for_each(|(_, ty)| params.add(&ty)).map(|()| MAX_FLAT_PARAMS - params.left);
        let results = function.results().try_for_each(|ty| results.add(&ty)).map(|()| MAX_FLAT_PARAMS - results.left);
        Self { params, results }
    }

    /// Does something with the Rust types of a function that is defined, or of one that is called and not `async`.
    pub(crate) fn choose<V: ByArity>(self, visitor: V) -> V::Output {
        let params = self.params.unwrap_or(MAX_FLAT_PARAMS);
        choose!(visitor, params, self.results; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    }

    /// Does something with the Rust types of a function that is called, `async` or not. There is room for all parameters
    /// that there can be, where [`Arity::choose`] has as much as there are.
    pub(crate) fn choose_by_result<V: ByArity>(self, visitor: V) -> V::Output {
        choose_by_result!(visitor, self.results; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
    }
}

/// Counts flat values, and stops where there are too many: every type has one at least, so it never goes far.
struct Count {
    left: usize,
}

impl Count {
    /// `None` if there is no room for this type.
    fn add(&mut self, ty: &Type) -> Option<()> {
        match ty {
            Type::String | Type::List(_) | Type::Map(_) => self.take(2),
            Type::Tuple(tuple) => tuple.types().try_for_each(|ty| self.add(&ty)),
            Type::Record(record) => record.fields().try_for_each(|field| self.add(&field.ty)),
            Type::Variant(variant) => self.add_cases(variant.cases().map(|case| case.ty)),
            Type::Option(option) => self.add_cases([Some(option.ty())].into_iter()),
            Type::Result(result) => self.add_cases([result.ok(), result.err()].into_iter()),
            Type::Flags(flags) => self.take(flags.names().count().div_ceil(32)),
            Type::FixedLengthList(list) => {
                let (before, element) = (self.left, list.ty());
                self.add(&element)?;
                let each = before - self.left;
                self.take(each.checked_mul((list.len() as usize).checked_sub(1)?)?)
            }
            _ => self.take(1),
        }
    }

    /// The discriminant, and as many as the largest payload has.
    fn add_cases(&mut self, payloads: impl Iterator<Item = Option<Type>>) -> Option<()> {
        self.take(1)?;
        let before = self.left;
        let mut least = before;
        for payload in payloads.flatten() {
            self.left = before;
            self.add(&payload)?;
            least = least.min(self.left);
        }
        self.left = least;
        Some(())
    }

    fn take(&mut self, count: usize) -> Option<()> {
        self.left = self.left.checked_sub(count)?;
        Some(())
    }
}
