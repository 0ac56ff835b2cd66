//! Choices from bytes: proptest shrinks the bytes, and with them the choices, towards the first.

/// Bytes to choose by; when they are used up, every choice is the first.
pub(super) struct Dice<'a>(pub(super) &'a [u8]);

impl Dice<'_> {
    fn roll(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first)
    }

    /// One of the choices; the first is the simplest.
    pub(super) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.roll() % choices.len()]
    }

    /// True once in so many times.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.roll() % times == times - 1
    }

    /// Up to `most` things, at least `least`.
    pub(super) fn some<T>(
        &mut self,
        least: usize,
        most: usize,
        mut make: impl FnMut(&mut Self, usize) -> T,
    ) -> Vec<T> {
        let count = least + self.roll() % (most - least + 1);
        (0..count).map(|index| make(self, index)).collect()
    }
}
