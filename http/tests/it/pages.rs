//! Pages for people: the documentation and one page per error.

use actix_web::test::TestRequest;
use payment_schema::problem::ProblemCode;

use crate::support::Face;

#[actix_web::test]
async fn every_code_has_a_page_where_its_problem_links() {
    let face = Face::new();
    for code in ProblemCode::ALL {
        let reply = face.get(&code.page()).await;
        let page = String::from_utf8(reply.body.clone()).unwrap();
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/markdown; charset=utf-8")));
        assert!(page.starts_with(&format!("# {}\n", code.as_str())), "{}", code.page());
        assert!(page.contains(&format!("HTTP {}", code.status())), "{} tells its status", code.page());
        for heading in ["## Cause", "## What to do", "## Example"] {
            assert!(page.contains(heading), "{} has {heading}", code.page());
        }
        let (_, example) = page.rsplit_once("\n\n{").unwrap();
        let example = format!("{{{}", example.trim_end().trim_end_matches('`'));
        let example: serde_json::Value = serde_json::from_str(&example).unwrap();
        assert_eq!(example["code"], code.as_str());
        assert_eq!(example["status"], code.status());
        assert_eq!(example["title"], code.title());
        assert_eq!(example["type"], code.page());
        assert_eq!(example["detail"], example["message"]);
        let browser = TestRequest::get().uri(&code.page()).insert_header(("accept", "text/html,*/*"));
        let reply = face.send(browser).await;
        assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
    }
    assert_eq!(face.get("/docs/errors/no-such-code").await.code().as_deref(), Some("NOT_FOUND"));
}

#[actix_web::test]
async fn the_documentation_is_served_from_the_program() {
    let face = Face::new();
    for (path, text) in [
        ("/docs", "<base href=\"docs/\">"),
        ("/docs/", "swagger-ui"),
        ("/docs/swagger-initializer.js", "/openapi.json"),
        ("/api/docs/", "swagger-ui"),
    ] {
        let reply = face.get(path).await;
        assert_eq!(reply.status, 200, "{path}");
        let page = String::from_utf8(reply.body).unwrap();
        assert!(page.contains(text), "{path}: {page}");
    }
    assert_eq!(face.get("/docs/no-such-file.js").await.status, 404);
    assert_eq!(face.get("/docs/../openapi.json").await.status, 404);
}
