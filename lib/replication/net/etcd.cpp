#include "etcd.hpp"

#include <charconv>

namespace vecstore::replication::net {
namespace {

constexpr std::uint32_t ttl_s_max = 60;
constexpr std::uint64_t us_per_s = 1'000'000;

std::string quoted(std::string_view name, std::string_view value) {
    return "\"" + std::string(name) + "\":\"" + std::string(value) + "\"";
}

std::string lease_body(std::uint64_t id) { return "{" + quoted("ID", std::to_string(id)) + "}"; }

std::string range_of(const std::string& key) { return "{\"request_range\":{" + quoted("key", to_base64(key)) + "}}"; }

std::string put_of(const std::string& key, const std::string& value, std::uint64_t lease) {
    auto text = "{\"request_put\":{" + quoted("key", to_base64(key)) + "," + quoted("value", to_base64(value));
    if (lease != 0) text += "," + quoted("lease", std::to_string(lease));
    return text + "}}";
}

std::string absent(const std::string& key) {
    return "{\"target\":\"CREATE\"," + quoted("key", to_base64(key)) + ",\"create_revision\":\"0\"}";
}

std::string has_value(const std::string& key, const std::string& value) {
    return "{\"target\":\"VALUE\"," + quoted("key", to_base64(key)) + "," + quoted("value", to_base64(value)) + "}";
}

std::string json_text(std::string_view text) {
    std::string made;
    constexpr std::string_view digits = "0123456789abcdef";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || c == '"' || c == '\\') {
            made += "\\u00";
            made += digits[byte >> 4];
            made += digits[byte & 15];
        } else {
            made += c;
        }
    }
    return made;
}

}  // namespace

/// One attempt at being the leader.
struct etcd_coordinator::campaign {
    coordinator_request request;
    std::optional<etcd_lease> lease;
    std::optional<etcd_transaction> state;
    std::uint64_t term = 0;  ///< that it is for
    bool over = false;
};

result<std::unique_ptr<etcd_coordinator>> etcd_coordinator::make(const boost::asio::any_io_executor& run_on,
                                                                 const etcd_options& options, const identity& who,
                                                                 const listener_function& answered) {
    if (options.endpoints.empty()) return invalid_argument("coordinator.endpoints: none are given");
    if (options.ttl_s < 1 || options.ttl_s > ttl_s_max)
        return invalid_argument("coordinator.ttl_s: " + std::to_string(options.ttl_s) + " is not in [1, 60]");
    if (options.request_ms < 50 || options.request_ms > 10'000)
        return invalid_argument("coordinator.request_ms: " + std::to_string(options.request_ms) +
                                " is not in [50, 10000]");
    std::vector<http_endpoint> endpoints;
    bool secure = false;
    for (std::size_t i = 0; i < options.endpoints.size(); ++i) {
        VECSTORE_TRY(auto at, parse_endpoint(options.endpoints[i], "coordinator.endpoints[" + std::to_string(i) + "]"));
        secure = secure || at.secure;
        endpoints.push_back(std::move(at));
    }
    tls_context tls;
    if (secure) {
        if (!options.tls) return invalid_argument("coordinator.tls: an endpoint begins with https://, which needs it");
        VECSTORE_TRY(tls, make_tls_context(*options.tls, "coordinator.tls", false));
    }
    std::unique_ptr<etcd_coordinator> made(new etcd_coordinator(run_on, options, who, endpoints, tls, answered));
    return made;
}

etcd_coordinator::etcd_coordinator(const boost::asio::any_io_executor& run_on, const etcd_options& options,
                                   const identity& who, const std::vector<http_endpoint>& at, const tls_context& tls,
                                   const listener_function& answered)
    : options_(options),
      who_(who),
      prefix_("/vecstore/" + full_name(who.cluster) + "/"),
      answered_(answered),
      renewals_(run_on, at, tls, options.request_ms),
      others_(run_on, at, tls, options.request_ms) {}

etcd_coordinator::~etcd_coordinator() = default;

void etcd_coordinator::ask(const coordinator_request& request) {
    current_ = request.id;
    switch (request.call) {
        case coordinator_call::look: return look(request);
        case coordinator_call::campaign: return begin_campaign(request);
        case coordinator_call::renew:
            if (lease_ == 0 || lease_term_ != request.term) return look(request);
            return extend(request, lease_, lease_term_);
        case coordinator_call::resign:
            current_ = 0;
            if (lease_ != 0) revoke(std::exchange(lease_, 0));
            return;
    }
}

/// With a token, if etcd wants one; a token that has become old is asked for again, once.
void etcd_coordinator::call(http_client& over, const char* path, std::string body, then next, bool again) {
    if (!options_.user.empty() && token_.empty()) {
        auto credentials = "{" + quoted("name", json_text(options_.user)) + "," +
                           quoted("password", json_text(options_.password)) + "}";
        over.post("/v3/auth/authenticate", std::move(credentials), {},
                  [this, &over, path, body = std::move(body), next = std::move(next), again](result<http_reply> reply) {
                      if (!reply) return next(std::move(reply));
                      auto token = parse_token(*reply);
                      if (!token) return next(std::move(token).error());
                      token_ = *std::move(token);
                      call(over, path, body, next, again);
                  });
        return;
    }
    over.post(path, body, token_, [this, &over, path, body, next = std::move(next), again](result<http_reply> reply) {
        if (!reply || !again || options_.user.empty() || !wants_token(*reply)) return next(std::move(reply));
        token_.clear();
        call(over, path, body, next, false);
    });
}

std::string etcd_coordinator::read_both() const {
    return "{\"success\":[" + range_of(key("leader")) + "," + range_of(key("term")) + "]}";
}

void etcd_coordinator::look(const coordinator_request& request) {
    call(others_, "/v3/kv/txn", read_both(), [this, request](const result<http_reply>& reply) {
        if (!is_current(request)) return;
        const auto state = reply ? parse_transaction(*reply) : result<etcd_transaction>(reply.error());
        if (!state) return give_up(request, state.error());
        if (const auto* holder = state->find(key("leader"))) return found(request, *holder);
        leader_.reset();
        coordinator_reply answer;
        answer.vacant = true;
        give(request, answer);
    });
}

/// Somebody holds the leadership: another, or this run, which did not hear that it won.
void etcd_coordinator::found(const coordinator_request& request, const etcd_value& holder) {
    auto leader = parse_leader(holder.value);
    if (!leader) return give_up(request, leader.error());
    leader_ = *leader;
    if (leader->session == request.session && leader->node == full_name(who_.node) && holder.lease != 0)
        return extend(request, holder.lease, leader->term);
    coordinator_reply answer;
    answer.term = leader->term;
    give(request, answer);
}

/// What was read may be old; that the lease could be extended proves that its key was never gone.
void etcd_coordinator::extend(const coordinator_request& request, std::uint64_t lease, std::uint64_t term) {
    call(renewals_, "/v3/lease/keepalive", lease_body(lease),
         [this, request, lease, term](const result<http_reply>& reply) {
             if (!is_current(request)) return;
             const auto renewed = reply ? parse_lease(*reply) : result<etcd_lease>(reply.error());
             if (!renewed) return give_up(request, renewed.error());
             coordinator_reply answer;
             answer.held = renewed->ttl_s > 0;
             answer.term = term;
             answer.ttl_us = renewed->ttl_s * us_per_s;
             lease_ = answer.held ? lease : 0;
             lease_term_ = term;
             give(request, answer);
         });
}

/// A lease and what stands in etcd are asked for at once, over both connections.
void etcd_coordinator::begin_campaign(const coordinator_request& request) {
    const auto c = std::make_shared<campaign>();
    c->request = request;
    call(renewals_, "/v3/lease/grant", "{" + quoted("TTL", std::to_string(options_.ttl_s)) + "}",
         [this, c](const result<http_reply>& reply) {
             const auto granted = reply ? parse_lease(*reply) : result<etcd_lease>(reply.error());
             if (granted && (c->over || !is_current(c->request))) return revoke(granted->id);
             if (c->over) return;
             if (!granted || granted->ttl_s == 0) {
                 c->over = true;
                 return give_up(c->request,
                                granted ? error{errc::unavailable, "etcd: a lease without time"} : granted.error());
             }
             c->lease = *granted;
             compete(c);
         });
    call(others_, "/v3/kv/txn", read_both(), [this, c](const result<http_reply>& reply) {
        if (c->over) return;
        auto state = reply ? parse_transaction(*reply) : result<etcd_transaction>(reply.error());
        const auto* holder = state ? state->find(key("leader")) : nullptr;
        if (!state || holder != nullptr) {
            c->over = true;
            if (c->lease) revoke(c->lease->id);
            if (!is_current(c->request)) return;
            return state ? found(c->request, *holder) : give_up(c->request, state.error());
        }
        c->state = *std::move(state);
        compete(c);
    });
}

void etcd_coordinator::compete(const std::shared_ptr<campaign>& c) {
    if (!c->lease || !c->state) return;
    const auto* stored = c->state->find(key("term"));
    std::uint64_t last = 0;
    if (stored != nullptr) {
        const auto* end = stored->value.data() + stored->value.size();
        const auto read = std::from_chars(stored->value.data(), end, last);
        if (read.ec != std::errc{} || read.ptr != end) {
            c->over = true;
            revoke(c->lease->id);
            return give_up(c->request, {errc::corruption, "etcd: the key `term` holds no number"});
        }
    }
    // An etcd that was rebuilt or restored knows an older term than the nodes.
    c->term = std::max(last, c->request.term) + 1;
    const auto value = encode_leader({full_name(who_.node), who_.address, c->request.session, c->term});
    const auto body = "{\"compare\":[" + absent(key("leader")) + "," +
                      (stored != nullptr ? has_value(key("term"), stored->value) : absent(key("term"))) +
                      "],\"success\":[" + put_of(key("leader"), value, c->lease->id) + "," +
                      put_of(key("term"), std::to_string(c->term), 0) + "],\"failure\":[" + range_of(key("leader")) +
                      "," + range_of(key("term")) + "]}";
    call(others_, "/v3/kv/txn", body, [this, c](const result<http_reply>& reply) { judge(c, reply); });
}

void etcd_coordinator::judge(const std::shared_ptr<campaign>& c, const result<http_reply>& reply) {
    if (!is_current(c->request)) return;  // if it was won, the next look finds that out
    const auto outcome = reply ? parse_transaction(*reply) : result<etcd_transaction>(reply.error());
    if (!outcome) return give_up(c->request, outcome.error());
    const auto* holder = outcome->find(key("leader"));
    if (outcome->succeeded || (holder != nullptr && holder->lease == c->lease->id)) {
        // The second: this transaction came twice, and the answer to the first was lost.
        lease_ = c->lease->id;
        lease_term_ = c->term;
        leader_ = etcd_leader{full_name(who_.node), who_.address, c->request.session, c->term};
        coordinator_reply answer;
        answer.held = true;
        answer.term = c->term;
        answer.ttl_us = c->lease->ttl_s * us_per_s;
        return give(c->request, answer);
    }
    revoke(c->lease->id);
    if (holder != nullptr) return found(c->request, *holder);
    coordinator_reply answer;
    answer.vacant = true;  // another has taken the term and is gone again
    give(c->request, answer);
}

void etcd_coordinator::revoke(std::uint64_t lease) {
    call(renewals_, "/v3/lease/revoke", lease_body(lease), [](const result<http_reply>&) {});
}

void etcd_coordinator::give(const coordinator_request& request, coordinator_reply reply) {
    reply.id = request.id;
    trouble_.clear();
    answered_(reply);
}

/// No answer is given: the replica waits no longer than it wants to, and keeps a lease until its time is over.
void etcd_coordinator::give_up(const coordinator_request& request, const error& why) {
    if (!is_current(request)) return;
    trouble_ = why.message;
    ++failures_;
}

}  // namespace vecstore::replication::net
