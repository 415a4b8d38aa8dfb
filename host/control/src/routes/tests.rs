//! The routing table as data: routes, requests, and who gets them.

use super::*;

fn table(routes: &[(&str, &str)]) -> Result<RouteTable, RouteConflict> {
    RouteTable::new(routes.iter().map(|(service, route)| RouteEntry {
        owner: RouteOwner::Service(service.parse().unwrap()),
        policy: RoutePolicy::new(route.parse().unwrap(), RouteSettings::default(), true).into(),
    }))
}

#[test]
fn the_most_specific_route_wins() {
    let table = table(&[
        ("root", "/*"),
        ("api", "/api/*"),
        ("orders", "/api/orders/*"),
        ("exact", "/api/orders/special"),
        ("writes", "POST,PUT /api/*"),
        ("shop", "shop.example/*"),
        ("below", "*.example/*"),
        ("deep", "*.shop.example/api/*"),
        ("only-get", "GET only.example/x"),
    ])
    .unwrap();
    for (request, service) in [
        ("GET / -", "root"),
        ("GET /other -", "root"),
        ("GET /api -", "api"),
        ("GET /api/ -", "api"),
        ("GET /apix -", "root"),
        ("GET /api/orders/1 -", "orders"),
        ("GET /api/orders/special -", "exact"),
        ("GET /api/orders/special/ -", "orders"),
        ("POST /api/x -", "writes"),
        // Specific in its path, though not in its method.
        ("POST /api/orders/1 -", "orders"),
        ("GET /api/orders/1 shop.example", "shop"),
        ("GET /api/orders/1 SHOP.example.:8080", "shop"),
        ("GET /x a.example", "below"),
        ("GET /x a.b.example", "below"),
        ("GET /api/x a.shop.example", "deep"),
        ("GET /x a.shop.example", "below"),
        ("GET /x example", "root"),
        ("GET /x [::1]:8080", "root"),
        ("GET /x only.example", "only-get"),
        // The less specific route takes the method that the more specific one does not.
        ("POST /x only.example", "below"),
    ] {
        let mut parts = request.split(' ');
        let method: Method = parts.next().unwrap().parse().unwrap();
        let path = parts.next().unwrap();
        let host = parts.next().filter(|host| *host != "-");
        let Found::Route(entry) = table.find(host, path, &method) else { panic!("{request} finds nothing") };
        assert_eq!(entry.owner, RouteOwner::Service(service.parse().unwrap()), "{request}");
    }
}

#[test]
fn other_methods_are_told() {
    let table = table(&[("a", "GET,HEAD /x"), ("b", "GET /x/*")]).unwrap();
    let others = |path, method| match table.find(None, path, method) {
        Found::OtherMethods(methods) => Some(methods),
        Found::Route(_) => panic!("{path} is found"),
        Found::Nothing => None,
    };
    assert_eq!(others("/x", &Method::POST), Some(vec![Method::GET, Method::HEAD]));
    assert_eq!(others("/y", &Method::POST), None);
    assert_eq!(others("*", &Method::OPTIONS), None);
    assert_eq!(others("", &Method::CONNECT), None);
}

#[test]
fn a_route_belongs_to_one_service() {
    for (routes, conflict) in [
        (&[("a", "/x"), ("b", "/x")][..], true),
        (&[("a", "GET /x"), ("b", "GET,POST /x")], true),
        (&[("a", "s.example/x"), ("b", "S.example/x")], true),
        (&[("a", "GET /x"), ("b", "POST /x")], false),
        (&[("a", "GET /x"), ("b", "/x")], false),
        (&[("a", "/x"), ("b", "/x/*")], false),
        (&[("a", "/x"), ("a", "/x")], false),
    ] {
        assert_eq!(table(routes).is_err(), conflict, "{routes:?}");
    }
}
