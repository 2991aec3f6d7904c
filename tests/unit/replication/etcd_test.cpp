#include "net_cluster.hpp"
#include "scripted_server.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <replication/net/etcd.hpp>

using namespace vecstore;
using namespace vecstore::replication;
using namespace vecstore::replication::net;
using test::run_until;
using test::scripted_server;

namespace {

constexpr std::uint64_t session = 77;

// What etcd 3.4.23 said, but for keys and values.
const std::string header =
    R"("header":{"cluster_id":"324952591200643719","member_id":"3319814642761637952","revision":"2","raft_term":"2"})";
const std::string granted = "{" + header + R"(,"ID":"2324035509516101893","TTL":"2"})";
const std::string extended = R"({"result":{)" + header + R"(,"ID":"2324035509516101893","TTL":"2"}})" + "\n";
const std::string gone = R"({"result":{)" + header + R"(,"ID":"2324035509516101893"}})" + "\n";
const std::string revoked = "{" + header + "}";
const std::string both_absent = "{" + header +
                                R"(,"succeeded":true,"responses":[{"response_range":{"header":{"revision":"1"}}},)" +
                                R"({"response_range":{"header":{"revision":"1"}}}]})";
const std::string won = "{" + header +
                        R"(,"succeeded":true,"responses":[{"response_put":{"header":{"revision":"2"}}},)" +
                        R"({"response_put":{"header":{"revision":"2"}}}]})";
constexpr std::uint64_t lease = 2324035509516101893u;

struct coordinator_of_test {
    explicit coordinator_of_test(scripted_server::script says, const std::function<void(etcd_options&)>& change = {})
        : server(context, [this, says = std::move(says)](const scripted_server::request& r) {
              paths.push_back(r.path.substr(4));
              return says(r);
          }) {
        etcd_options options;
        options.endpoints = {server.url()};
        options.request_ms = 100;
        if (change) change(options);
        who.cluster[0] = std::byte{0xAB};
        who.node[0] = std::byte{1};
        who.address = "10.0.0.1:7401";
        made = etcd_coordinator::make(context.get_executor(), options, who, [this](const coordinator_reply& reply) {
                   answers.push_back(reply);
               }).value();
    }
    [[nodiscard]] std::string prefix() const { return "/vecstore/" + full_name(who.cluster) + "/"; }
    /// As the failure branch of the campaign and a read give them.
    [[nodiscard]] std::string state(const std::string& leader, std::uint64_t of_lease, const std::string& term,
                                    bool succeeded = false) const {
        const auto entry = [&](const std::string& key, const std::string& value, std::uint64_t of) {
            if (value.empty()) return std::string(R"({"response_range":{"header":{"revision":"2"}}})");
            return R"({"response_range":{"header":{"revision":"2"},"kvs":[{"key":")" + to_base64(prefix() + key) +
                   R"(","create_revision":"2","mod_revision":"2","version":"1","value":")" + to_base64(value) + "\"" +
                   (of == 0 ? "" : R"(,"lease":")" + std::to_string(of) + "\"") + R"(}],"count":"1"}})";
        };
        return "{" + header + (succeeded ? R"(,"succeeded":true)" : "") + R"(,"responses":[)" +
               entry("leader", leader, of_lease) + "," + entry("term", term, 0) + "]}";
    }
    [[nodiscard]] std::string leader(std::uint64_t of_session, std::uint64_t term) const {
        return encode_leader({full_name(who.node), who.address, of_session, term});
    }
    [[nodiscard]] std::optional<coordinator_reply> ask(coordinator_call call, std::uint64_t term = 0) {
        answers.clear();
        paths.clear();
        const auto failures = made->failures();
        made->ask({call, ++id, session, term});
        if (!run_until(context, [&] { return !answers.empty() || made->failures() > failures; })) return std::nullopt;
        if (answers.empty()) return std::nullopt;
        CHECK(answers[0].id == id);
        return answers[0];
    }

    boost::asio::io_context context;
    etcd_coordinator::identity who;
    std::vector<std::string> paths;
    scripted_server server;
    std::unique_ptr<etcd_coordinator> made;
    std::vector<coordinator_reply> answers;
    std::uint64_t id = 0;
};

bool campaigns(const scripted_server::request& r) { return r.body.find("compare") != std::string::npos; }

}  // namespace

TEST_CASE("etcd: a campaign wins the lease and a term that nobody has had", "[replication][net]") {
    std::string stored;
    std::string compared;
    std::string* of_term = &stored;
    coordinator_of_test* self = nullptr;
    coordinator_of_test c([&](const auto& r) -> std::optional<scripted_server::reply> {
        if (r.path == "/v3/lease/grant") return scripted_server::reply{granted};
        if (!campaigns(r))
            return scripted_server::reply{of_term->empty() ? both_absent : self->state("", 0, *of_term, true)};
        compared = r.body;
        return scripted_server::reply{won};
    });
    self = &c;
    auto reply = c.ask(coordinator_call::campaign, 0);
    REQUIRE(reply);
    CHECK(reply->held);
    CHECK(reply->term == 1);
    CHECK(reply->ttl_us == 2'000'000);
    const auto body = boost::json::parse(compared).as_object();
    const auto& compare = body.at("compare").as_array();
    REQUIRE(compare.size() == 2);  // there is no leader, and no term
    CHECK(compare[0].at("target") == "CREATE");
    CHECK(compare[0].at("create_revision") == "0");
    CHECK(from_base64(std::string_view(compare[1].at("key").as_string())) == c.prefix() + "term");
    const auto& put = body.at("success").as_array()[0].at("request_put").as_object();
    CHECK(put.at("lease").as_string() == std::to_string(lease));
    const auto said = parse_leader(*from_base64(std::string_view(put.at("value").as_string()))).value();
    CHECK(said.node == full_name(c.who.node));
    CHECK(said.address == "10.0.0.1:7401");
    CHECK(said.session == session);

    stored = "7";
    CHECK(c.ask(coordinator_call::campaign, 3)->term == 8);
    CHECK(compared.find("\"VALUE\"") != std::string::npos);
    // Of an etcd that was restored from an old backup.
    CHECK(c.ask(coordinator_call::campaign, 41)->term == 42);
    // What is no number is nothing to build on.
    stored = "7x";
    CHECK_FALSE(c.ask(coordinator_call::campaign, 3));
}

TEST_CASE("etcd: a campaign whose answer was lost has been won", "[replication][net]") {
    bool lost = true;
    coordinator_of_test* self = nullptr;
    coordinator_of_test c([&](const auto& r) -> std::optional<scripted_server::reply> {
        if (r.path == "/v3/lease/grant") return scripted_server::reply{granted};
        if (r.path == "/v3/lease/keepalive") return scripted_server::reply{extended};
        if (!campaigns(r)) return scripted_server::reply{both_absent};
        if (std::exchange(lost, false)) return scripted_server::reply{"", 200, 0, true};
        return scripted_server::reply{self->state(self->leader(session, 1), lease, "1")};  // it has come twice
    });
    self = &c;
    const auto reply = c.ask(coordinator_call::campaign, 0);
    REQUIRE(reply);
    CHECK(reply->held);
    CHECK(reply->term == 1);
    CHECK(c.ask(coordinator_call::renew, 1)->held);
    CHECK(c.paths == std::vector<std::string>{"lease/keepalive"});
}

TEST_CASE("etcd: a look that finds this run extends its lease before it counts", "[replication][net]") {
    bool alive = true;
    coordinator_of_test* self = nullptr;
    coordinator_of_test c([&](const auto& r) -> std::optional<scripted_server::reply> {
        if (r.path == "/v3/lease/keepalive") return scripted_server::reply{alive ? extended : gone};
        return scripted_server::reply{self->state(self->leader(session, 5), lease, "5", true)};
    });
    self = &c;
    auto reply = c.ask(coordinator_call::look);
    REQUIRE(reply);
    CHECK(reply->held);
    CHECK(reply->term == 5);
    CHECK(reply->ttl_us == 2'000'000);
    // The read was old: the lease is gone.
    alive = false;
    reply = c.ask(coordinator_call::look);
    REQUIRE(reply);
    CHECK_FALSE(reply->held);
    CHECK_FALSE(reply->vacant);
}

TEST_CASE("etcd: another's leadership, also of an earlier run of this node, is not vacant", "[replication][net]") {
    coordinator_of_test* self = nullptr;
    coordinator_of_test c([&](const auto& r) -> std::optional<scripted_server::reply> {
        if (r.path == "/v3/lease/grant") return scripted_server::reply{granted};
        if (r.path == "/v3/lease/revoke") return scripted_server::reply{revoked};
        return scripted_server::reply{self->state(self->leader(session + 1, 5), lease + 1, "5", true)};
    });
    self = &c;
    const auto reply = c.ask(coordinator_call::look);
    REQUIRE(reply);
    CHECK_FALSE(reply->held);
    CHECK_FALSE(reply->vacant);
    CHECK(reply->term == 5);
    CHECK(c.made->leader()->address == "10.0.0.1:7401");
    // The lease of a campaign that came too late is given back.
    CHECK_FALSE(c.ask(coordinator_call::campaign, 5)->held);
    CHECK(run_until(c.context, [&] { return c.paths.back() == "lease/revoke"; }));
}

TEST_CASE("etcd: a campaign that loses the race gives its lease back", "[replication][net]") {
    coordinator_of_test* self = nullptr;
    bool somebody = true;
    coordinator_of_test c([&](const auto& r) -> std::optional<scripted_server::reply> {
        if (r.path == "/v3/lease/grant") return scripted_server::reply{granted};
        if (r.path == "/v3/lease/revoke") return scripted_server::reply{revoked};
        if (!campaigns(r)) return scripted_server::reply{both_absent};
        return scripted_server::reply{self->state(somebody ? self->leader(3, 9) : "", somebody ? 12 : 0, "9")};
    });
    self = &c;
    auto reply = c.ask(coordinator_call::campaign, 0);
    REQUIRE(reply);
    CHECK_FALSE(reply->held);
    CHECK_FALSE(reply->vacant);
    CHECK(run_until(c.context, [&] { return c.paths.back() == "lease/revoke"; }));
    somebody = false;  // it only took the term
    CHECK(c.ask(coordinator_call::campaign, 0)->vacant);
}

TEST_CASE("etcd: an extension without a time to live means that the lease is gone", "[replication][net]") {
    bool alive = true;
    coordinator_of_test c([&](const auto& r) -> std::optional<scripted_server::reply> {
        if (r.path == "/v3/lease/grant") return scripted_server::reply{granted};
        if (r.path == "/v3/lease/keepalive") return scripted_server::reply{alive ? extended : gone};
        return scripted_server::reply{campaigns(r) ? won : both_absent};
    });
    CHECK(c.ask(coordinator_call::campaign, 0)->held);
    CHECK(c.ask(coordinator_call::renew, 1)->held);
    alive = false;
    CHECK_FALSE(c.ask(coordinator_call::renew, 1)->held);
    // What is not held any more is looked for, not extended.
    CHECK(c.ask(coordinator_call::renew, 1)->vacant);
    CHECK(c.paths == std::vector<std::string>{"kv/txn"});
}

TEST_CASE("etcd: no answer is given while etcd has none, and the lease is kept", "[replication][net]") {
    std::optional<scripted_server::reply> says = scripted_server::reply{granted};
    bool well = true;
    coordinator_of_test c([&](const auto& r) -> std::optional<scripted_server::reply> {
        if (!well) return says;
        if (r.path == "/v3/lease/grant") return scripted_server::reply{granted};
        if (r.path == "/v3/lease/keepalive") return scripted_server::reply{extended};
        return scripted_server::reply{campaigns(r) ? won : both_absent};
    });
    CHECK(c.ask(coordinator_call::campaign, 0)->held);
    well = false;
    const auto trouble = [&] {
        CHECK_FALSE(c.ask(coordinator_call::renew, 1));
        return c.made->trouble();
    };
    says = scripted_server::reply{
        R"({"error":"etcdserver: request timed out","message":"etcdserver: request timed out","code":14})", 503};
    CHECK(trouble().find("etcdserver: request timed out") != std::string::npos);
    well = true;
    CHECK(c.ask(coordinator_call::renew, 1)->held);
    well = false;
    // An error within a stream comes with status 200.
    says = scripted_server::reply{
        R"({"error":{"grpc_code":14,"http_code":503,"message":"no leader","http_status":"Service Unavailable"}})"};
    CHECK(trouble().find("no leader") != std::string::npos);
    well = true;
    CHECK(c.ask(coordinator_call::renew, 1)->held);
    well = false;
    says = scripted_server::reply{"<html>"};
    CHECK(trouble().find("no JSON") != std::string::npos);
    well = true;
    CHECK(c.ask(coordinator_call::renew, 1)->held);
    well = false;
    says.reset();
    CHECK(trouble().find("no answer") != std::string::npos);
    well = true;
    CHECK(c.ask(coordinator_call::renew, 1)->held);  // in the same term
    CHECK(c.paths == std::vector<std::string>{"lease/keepalive"});
}

TEST_CASE("etcd: what is resigned is given back at once, and no late answer counts", "[replication][net]") {
    coordinator_of_test c([&](const auto& r) -> std::optional<scripted_server::reply> {
        if (r.path == "/v3/lease/grant") return scripted_server::reply{granted};
        if (r.path == "/v3/lease/revoke") return scripted_server::reply{revoked};
        if (r.path == "/v3/lease/keepalive") return scripted_server::reply{extended, 200, 30};
        return scripted_server::reply{campaigns(r) ? won : both_absent};
    });
    CHECK(c.ask(coordinator_call::campaign, 0)->held);
    c.answers.clear();
    c.made->ask({coordinator_call::renew, ++c.id, session, 1});
    c.made->ask({coordinator_call::resign, ++c.id, session, 1});
    CHECK(run_until(c.context, [&] { return c.paths.back() == "lease/revoke"; }));
    CHECK(c.answers.empty());
}

TEST_CASE("etcd: a name and a password get a token, which is asked for again when it is old", "[replication][net]") {
    int tokens = 0;
    coordinator_of_test c(
        [&](const auto& r) -> std::optional<scripted_server::reply> {
            if (r.path == "/v3/auth/authenticate") {
                CHECK(boost::json::parse(r.body).at("password") == "se\"cret");
                return scripted_server::reply{R"({"token":"token-)" + std::to_string(++tokens) + "\"}"};
            }
            if (r.authorization != "token-2")
                return scripted_server::reply{R"({"error":"etcdserver: invalid auth token","code":16})", 401};
            return scripted_server::reply{both_absent};
        },
        [](etcd_options& options) {
            options.user = "vecstore";
            options.password = "se\"cret";
        });
    CHECK(c.ask(coordinator_call::look)->vacant);
    CHECK(tokens == 2);
    CHECK(c.ask(coordinator_call::look)->vacant);
    CHECK(tokens == 2);
}

TEST_CASE("etcd: options that cannot be meant are refused by name", "[replication][net]") {
    boost::asio::io_context context;
    const auto error_of = [&](const etcd_options& options) {
        return etcd_coordinator::make(context.get_executor(), options, {}, {}).error().message;
    };
    etcd_options options;
    CHECK(error_of(options).find("coordinator.endpoints") == 0);
    options.endpoints = {"http://a:1", "a:1"};
    CHECK(error_of(options).find("coordinator.endpoints[1]") == 0);
    options.endpoints = {"https://a:1"};
    CHECK(error_of(options).find("coordinator.tls") == 0);
    options.tls.emplace();
    options.tls->authority_file = "/nowhere";
    CHECK(error_of(options).find("coordinator.tls.authority_file: '/nowhere'") == 0);
    options.ttl_s = 0;
    CHECK(error_of(options).find("coordinator.ttl_s") == 0);
    options.ttl_s = 2;
    options.request_ms = 1;
    CHECK(error_of(options).find("coordinator.request_ms") == 0);
}

TEST_CASE("etcd: base64 as in RFC 4648", "[replication][net]") {
    const std::pair<const char*, const char*> known[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
    for (const auto& [bytes, text] : known) {
        CHECK(to_base64(bytes) == text);
        CHECK(from_base64(text) == std::string(bytes));
    }
    CHECK(from_base64(to_base64("\xFF\xFE\x01")) == "\xFF\xFE\x01");
    for (const char* text : {"Z", "Zg=", "Zg==Zg==", "Z===", "====", "Zg=g", "Zm9*"}) CHECK_FALSE(from_base64(text));
}

TEST_CASE("etcd: numbers are texts, or numbers, or not there", "[replication][net]") {
    CHECK(parse_lease({200, R"({"ID":"5","TTL":"3"})"})->ttl_s == 3);
    CHECK(parse_lease({200, R"({"ID":5,"TTL":3})"})->ttl_s == 3);
    CHECK(parse_lease({200, R"({"ID":"5"})"})->ttl_s == 0);
    for (const char* text : {R"({"TTL":"3"})", R"({"ID":"x","TTL":"3"})", R"({"ID":"5","TTL":"-3"})",
                             R"({"ID":"5","TTL":-3})", R"({"ID":"5","TTL":""})", R"({"ID":"5","TTL":true})", "[]", ""})
        CHECK(parse_lease({200, text}).error().code == errc::corruption);
    CHECK_FALSE(parse_transaction({200, "{}"}));
    CHECK_FALSE(parse_transaction({200, R"({"header":{},"responses":[{"response_range":{"kvs":[{"key":"*"}]}}]})"}));
    CHECK_FALSE(parse_transaction({200, R"({"header":{},"succeeded":"yes"})"}));
    CHECK(parse_transaction({200, R"({"header":{}})"})->succeeded == false);
    CHECK(parse_transaction({500, R"({"header":{}})"}).error().code == errc::unavailable);
    CHECK_FALSE(parse_leader("{"));
    CHECK_FALSE(parse_leader(R"({"session":"-1"})"));
}
