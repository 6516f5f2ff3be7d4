from django.contrib.staticfiles import finders
from django.test import Client, RequestFactory
from django.views.defaults import server_error


def test_error_page_needs_no_database(rf: RequestFactory) -> None:
    response = server_error(rf.get("/"))
    assert response.status_code == 500
    assert b'href="/static/site.css"' in response.content
    assert finders.find("site.css")


def test_the_not_found_page_links_to_the_start(client: Client) -> None:
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert b'<a href="/">' in response.content


def test_the_not_found_page_names_the_project_and_no_app(client: Client) -> None:
    page = client.get("/nowhere/").content.decode()
    assert "<title>Not found · myproject</title>" in page
    assert '<a class="home" href="/">myproject</a>' in page
    assert "releases" not in page.lower()


def test_the_default_icon_url_redirects_to_the_icon(client: Client) -> None:
    response = client.get("/favicon.ico")
    assert response["Location"] == "/static/favicon.svg"
    assert finders.find("favicon.svg")
