use opencl_sys::{CL_OUT_OF_RESOURCES, CL_SUCCESS};
use remora_protocol::contents::hash;
use remora_protocol::opencl::{
    BuildProgram, Contents, ContentsSent, CreateProgramWithSource, Offer, ProgramBuilt, SendContents,
};
use remora_protocol::{Handle, Kind, List};

use super::client::{Client, DEVICE};
use crate::opencl::contents::Asked;
use crate::store::Store;

fn source() -> Vec<u8> {
    let mut source = b"kernel void f(global int *x) { *x = 1; }\n".to_vec();
    source.resize(50_000, b' ');
    source
}

fn offer(source: &[u8]) -> Offer {
    Offer { number: 5, length: source.len() as u64, hash: hash(source) }
}

/// Creates a program of what is offered.
fn create(client: &mut Client, offer: Offer) -> Handle {
    let context = client.context();
    let program = client.minter.mint(Kind::Program);
    let source = Contents { bytes: b"", offer: Some(offer) };
    client.send(0, &CreateProgramWithSource { program, context, source });
    program
}

/// Creates a program of what is offered and begins to build it.
fn build(client: &mut Client, offer: Offer) -> Handle {
    let program = create(client, offer);
    client.send(0, &BuildProgram { program, serial: 1, devices: List::new(&[DEVICE]), options: b"", place: None });
    program
}

fn built(client: &Client) -> i32 {
    client.notice().notice::<ProgramBuilt<'_>>().expect("the end of the build").code
}

fn assert_asked(client: &Client) {
    assert_eq!(client.notice().notice::<SendContents>().expect("a question").number, 5);
}

#[test]
fn a_source_is_asked_for_once() {
    let place = tempfile::tempdir().unwrap();
    let asked = || Asked::new(Store::open(place.path().join("contents")));
    let source = source();
    let mut first = Client::new_with(asked());
    build(&mut first, offer(&source));
    assert_asked(&first);
    first.send(1, &ContentsSent { number: 5, bytes: Some(&source) });
    assert_eq!(built(&first), CL_SUCCESS);
    let mut second = Client::new_with(asked());
    build(&mut second, offer(&source));
    assert_eq!(built(&second), CL_SUCCESS);
    let counted = |client: &Client| {
        let stats = &client.worker.stats;
        (stats.contents_sent.get(), stats.contents_saved.get())
    };
    assert_eq!((counted(&first), counted(&second)), ((50_000, 0), (0, 50_000)));
    // Another tenant's worker has another store: it asks.
    let mut other = Client::new();
    build(&mut other, offer(&source));
    assert_asked(&other);
}

/// Nothing waits for a source but what needs it.
#[test]
fn creations_go_on_while_a_source_is_on_its_way() {
    let mut client = Client::new();
    build(&mut client, offer(&source()));
    assert_asked(&client);
    let context = client.context();
    client.queue(context, 2, 0);
    assert_eq!(client.finish(2), CL_SUCCESS);
    client.send(1, &ContentsSent { number: 5, bytes: Some(&source()) });
    assert_eq!(built(&client), CL_SUCCESS);
}

#[test]
fn a_source_that_is_gone_fails_the_build() {
    let mut client = Client::new();
    build(&mut client, offer(&source()));
    assert_asked(&client);
    client.send(1, &ContentsSent { number: 5, bytes: None });
    assert_eq!(built(&client), CL_OUT_OF_RESOURCES);
    assert!(!client.link.is_closed());
}

#[test]
fn lies_about_contents_close_the_session() {
    let lies: [fn(&mut Client); 4] = [
        |client| {
            client.send(1, &ContentsSent { number: 9, bytes: Some(b"nobody asked") });
        },
        |client| {
            client.send(1, &ContentsSent { number: 5, bytes: Some(b"others") });
        },
        // Of the right length.
        |client| {
            client.send(1, &ContentsSent { number: 5, bytes: Some(&[b' '; 50_000]) });
        },
        // Nothing can be sent after that.
        |client| {
            create(client, offer(b"another"));
        },
    ];
    for lie in lies {
        let mut client = Client::new();
        build(&mut client, offer(&source()));
        assert_asked(&client);
        lie(&mut client);
        assert!(client.is_closed_soon());
    }
}

/// Who waits for contents doesn't outlive the client.
#[test]
fn waiting_ends_with_the_session() {
    let mut client = Client::new();
    build(&mut client, offer(&source()));
    assert_asked(&client);
    client.link.close();
    let worker = std::sync::Arc::downgrade(&client.worker);
    drop(client);
    for _ in 0..400 {
        if worker.upgrade().is_none() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("a thread still holds the session");
}
