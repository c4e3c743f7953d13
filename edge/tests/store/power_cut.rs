//! A power cut in the middle of a step: the disk has some of the sectors that the step writes, and not the others.

use std::fs;

use crate::{Random, open, scratch, step, steps};

const SECTOR: usize = 512;
const STEPS: u64 = 40;

#[test]
fn a_power_cut_leaves_the_step_that_it_hit_or_the_one_before() {
    let (_folder, path) = scratch();
    let mut random = Random(1_815);
    let (store, _) = open(&path);
    let mut images = Vec::new();
    for number in 1..=STEPS {
        store.commit(&step(number)).unwrap();
        images.push(fs::read(&path).unwrap());
    }
    drop(store);

    let (mut before, mut after) = (0, 0);
    for (image, number) in images.windows(2).zip(1..) {
        let [old, new] = image else { unreachable!("windows of two") };
        for _ in 0..10 {
            // The file grows, and that is synced, before anything is written to the new part.
            let mut cut = old.clone();
            cut.resize(new.len(), 0);
            let written = random.below(9);
            for (to, from) in cut.chunks_mut(SECTOR).zip(new.chunks(SECTOR)) {
                if to != from && random.below(8) < written {
                    to.copy_from_slice(from);
                }
            }
            fs::write(&path, &cut).unwrap();
            let (store, _) = open(&path);
            let found = steps(&store);
            assert!(found == number || found == number + 1, "cut in step {}: {found} are left", number + 1);
            if found == number { before += 1 } else { after += 1 }
        }
    }
    assert!(before > 0 && after > 0, "{before} before, {after} after");
}
