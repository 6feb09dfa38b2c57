//! The tree's rules, on trees of any shape.

use std::collections::HashMap;

use kernel::{Id, SiteId, Wording};
use proptest::prelude::*;

use crate::*;

fn site(number: usize, parent: Option<SiteId>, depth: u8) -> Site {
    Site {
        id: Id::new(),
        parent,
        depth,
        slug: Slug::parse(&format!("site-{number}")).expect("a slug"),
        state: SiteState::Active,
        name: Wording::default(),
        tagline: Wording::default(),
        notice: Wording::default(),
        theme: Theme::Grove,
        mode: Mode::Auto,
        level: None,
        support: None,
        limits: None,
        front: crate::Front::default(),
        home: None,
    }
}

/// A tree whose n-th site stands under one of those before it, as deep as the rules allow.
fn grow(choices: &[usize]) -> Vec<Site> {
    let mut sites = vec![site(0, None, 0)];
    for (number, choice) in choices.iter().enumerate() {
        let parent = sites[choice % sites.len()].clone();
        if parent.depth < DEPTH_MAX {
            sites.push(site(number + 1, Some(parent.id), parent.depth + 1));
        }
    }
    sites
}

fn line(length: u8) -> Vec<Site> {
    grow(&(0..usize::from(length)).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn a_chain_goes_from_the_main_site_down_to_the_site(choices in prop::collection::vec(any::<usize>(), 0..40)) {
        let sites = grow(&choices);
        let tree = SiteTree::try_new(sites.clone()).expect("a tree");
        for site in &sites {
            let chain = tree.chain(site.id);
            prop_assert_eq!(chain.len(), usize::from(site.depth) + 1);
            prop_assert_eq!(chain.first().map(|site| site.id), tree.main().map(|site| site.id));
            prop_assert_eq!(chain.last().map(|site| site.id), Some(site.id));
            prop_assert!(chain.windows(2).all(|pair| pair[1].parent == Some(pair[0].id)));
        }
    }

    #[test]
    fn an_allowed_move_leaves_a_tree_and_a_refused_one_would_not(
        choices in prop::collection::vec(any::<usize>(), 1..40), moved in any::<usize>(), target in any::<usize>()
    ) {
        let mut sites = grow(&choices);
        let tree = SiteTree::try_new(sites.clone()).expect("a tree");
        let (moved, target) = (sites[moved % sites.len()].id, sites[target % sites.len()].id);
        match tree.relocate(moved, Some(target)) {
            Ok(depths) => {
                let depths: HashMap<SiteId, u8> = depths.into_iter().collect();
                for site in &mut sites {
                    site.depth = depths.get(&site.id).copied().unwrap_or(site.depth);
                    if site.id == moved {
                        site.parent = Some(target);
                    }
                }
                let tree = SiteTree::try_new(sites).expect("still a tree");
                prop_assert!(tree.chain(moved).iter().any(|site| site.id == target));
            }
            Err(TenancyError::UnderItself { .. }) => {
                prop_assert!(tree.chain(target).iter().any(|site| site.id == moved));
            }
            Err(TenancyError::MainSiteFixed) => prop_assert_eq!(tree.main().map(|site| site.id), Some(moved)),
            Err(TenancyError::TooDeep { .. }) => prop_assert!(sites.len() > usize::from(DEPTH_MAX)),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn rows_that_are_no_tree_are_told_from_those_that_are(
        choices in prop::collection::vec(any::<usize>(), 2..20), bent in any::<usize>(), target in any::<usize>()
    ) {
        let mut sites = grow(&choices);
        let (count, target) = (sites.len(), target % sites.len());
        let (parent, depth) = (sites[target].id, sites[target].depth);
        let bent = &mut sites[1 + bent % (count - 1)];
        bent.parent = Some(parent);
        let is_right = bent.depth == depth + 1;
        prop_assert_eq!(SiteTree::try_new(sites).is_ok(), is_right);
    }
}

#[test]
fn a_site_past_the_depth_is_refused() {
    let sites = line(DEPTH_MAX);
    let deepest = sites.last().expect("sixteen under the main site").id;
    let above = sites[sites.len() - 2].id;
    let tree = SiteTree::try_new(sites).expect("a tree");
    assert!(matches!(tree.place(Some(deepest)), Err(TenancyError::TooDeep { depth_max: DEPTH_MAX })));
    assert_eq!(tree.place(Some(above)).expect("room for one more"), DEPTH_MAX);
}

#[test]
fn a_branch_that_would_reach_past_the_depth_is_not_moved() {
    let mut sites = line(DEPTH_MAX - 1);
    let (main, deepest) = (sites[0].id, sites.last().expect("a line").id);
    let branch = site(90, Some(main), 1);
    sites.push(site(91, Some(branch.id), 2));
    sites.push(branch.clone());
    let tree = SiteTree::try_new(sites).expect("a tree");
    assert!(matches!(tree.relocate(branch.id, Some(deepest)), Err(TenancyError::TooDeep { .. })));
}

#[test]
fn an_unknown_parent_is_refused() {
    let tree = SiteTree::try_new(line(1)).expect("a tree");
    assert!(matches!(tree.place(Some(Id::new())), Err(TenancyError::NoParent { .. })));
}

#[test]
fn a_tenant_has_one_main_site() {
    assert_eq!(SiteTree::try_new([]).expect("no sites yet").place(None).expect("the first"), 0);
    let tree = SiteTree::try_new(line(1)).expect("a tree");
    assert!(matches!(tree.place(None), Err(TenancyError::MainSiteFixed)));
    assert!(SiteTree::try_new([site(1, None, 0), site(2, None, 0)]).is_err());
}

#[test]
fn a_strangers_chain_is_empty() {
    assert!(SiteTree::try_new(line(2)).expect("a tree").chain(Id::new()).is_empty());
}
