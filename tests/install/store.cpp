// What a user's first program looks like: needs the compiled library.
#include <vecstore/vecstore.hpp>

int main() {
    namespace vs = vecstore;
    auto db = vs::database::in_memory().value();
    auto docs = db.create_collection("docs", {.vectors = {{.dim = 3, .metric = vs::metric::cosine}}}).value();
    (void)docs
        .upsert({{.id = 1, .vector = {1, 0, 0}, .payload = {{"lang", "en"}}},
                 {.id = 2, .vector = {0, 1, 0}, .payload = {{"lang", "de"}}}})
        .value();
    const auto hits = docs.query({.nearest = {1, 0.1F, 0}, .filter = vs::field("lang") == "de", .limit = 5}).value();
    return hits.size() == 1 && hits[0].id == vs::point_id(2) ? 0 : 1;
}
