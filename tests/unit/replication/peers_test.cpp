#include "net_cluster.hpp"
#include "test_certificates.hpp"

#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>

using namespace vecstore;
using namespace vecstore::replication;
using namespace vecstore::replication::net;
using boost::asio::io_context;
using boost::asio::ip::tcp;
using test::run_until;

namespace {

const std::string secret = "sixteen bytes or more";

/// Two nodes, of which the first dials the second.
struct pair {
    pair() = default;
    void start() {
        second.start(context, {});
        first.start(context, {second.peers->listening_at()});
    }
    [[nodiscard]] bool meet() {
        return run_until(context, [&] { return first.meets(second) && second.meets(first); });
    }
    [[nodiscard]] bool refused() {
        return run_until(context, [&] { return first.link().refused; });
    }
    io_context context;
    test::net_node first{1}, second{2};
};

/// Somebody with a socket who is no node.
struct stranger {
    stranger(io_context& context, const peers& at) : socket(context) {
        const auto where = parse_address(at.listening_at(), "").value();
        socket.connect({boost::asio::ip::make_address(where.host), static_cast<std::uint16_t>(std::stoi(where.port))});
        socket.non_blocking(true);
    }
    void say(byte_span bytes) {
        boost::system::error_code ignored;
        boost::asio::write(socket, boost::asio::buffer(bytes.data(), bytes.size()), ignored);
    }
    /// True when the other side has closed; collects what it said.
    [[nodiscard]] bool closed() {
        std::array<char, 4096> some{};
        for (;;) {
            boost::system::error_code failed;
            const auto count = socket.read_some(boost::asio::buffer(some), failed);
            if (failed) return failed != boost::asio::error::would_block;
            heard.append(some.data(), count);
        }
    }
    tcp::socket socket;
    std::string heard;
};

byte_vector bytes_of(const message& m) {
    byte_writer out;
    encode(m, 0, out);
    return std::move(out).take();
}

std::string hello_of(int number, int cluster = 1) {
    hello m;
    m.cluster[0] = static_cast<std::byte>(cluster);
    m.node[0] = static_cast<std::byte>(number);
    return std::string(as_text(bytes_of(m)));
}

}  // namespace

TEST_CASE("peers: frames go both ways over one connection", "[replication][net]") {
    io_context context;
    test::net_node first{1}, second{2};
    second.start(context, {});
    first.start(context, {second.peers->listening_at()});
    REQUIRE(run_until(context, [&] { return first.meets(second) && second.meets(first); }));
    const auto small = test::some_frame(10), large = test::some_frame(3u << 20, 9);
    first.peers->send(second.id(), small);
    first.peers->send(second.id(), large);
    second.peers->send(first.id(), large);
    REQUIRE(run_until(context, [&] { return second.frames.size() == 2 && first.frames.size() == 1; }));
    CHECK(second.frames[0] == std::pair(first.id(), small));
    CHECK(second.frames[1] == std::pair(first.id(), large));
    CHECK(first.frames[0] == std::pair(second.id(), large));
    CHECK(first.peers->address_of(second.id()) == second.peers->listening_at());
    CHECK(second.link().address.empty());
    first.peers->send(test::net_node{9}.id(), small);  // nobody: lost
}

TEST_CASE("peers: when both dial, one connection stays", "[replication][net]") {
    io_context context;
    test::net_node nodes[3] = {test::net_node{1}, test::net_node{2}, test::net_node{3}};
    std::vector<std::string> addresses;
    for (auto& n : nodes) {
        n.start(context, {});
        addresses.push_back(n.peers->listening_at());
        n.peers.reset();
    }
    for (std::size_t i = 0; i < 3; ++i) nodes[i].start(context, addresses, addresses[i]);  // its own, too
    const auto all_meet = [&] {
        for (const auto& a : nodes)
            for (const auto& b : nodes)
                if (&a != &b && !a.meets(b)) return false;
        return true;
    };
    REQUIRE(run_until(context, all_meet));
    test::run_for(context, 100);
    REQUIRE(all_meet());
    for (std::size_t i = 0; i < 3; ++i) {
        const auto status = nodes[i].peers->status();
        REQUIRE(status.size() == 3);  // nobody at an address that is not known
        CHECK(status[i].refused);     // itself
        CHECK(status[i].trouble.find("both sides are node") != std::string::npos);
        for (const auto& other : nodes)
            if (&other != &nodes[i]) nodes[i].peers->send(other.id(), test::some_frame());
    }
    REQUIRE(run_until(context,
                      [&] { return nodes[0].frames.size() + nodes[1].frames.size() + nodes[2].frames.size() == 6; }));
}

TEST_CASE("peers: another cluster is refused, and not dialed again", "[replication][net]") {
    pair p;
    p.first.said.cluster[0] = std::byte{9};
    p.start();
    REQUIRE(p.refused());
    CHECK(p.first.link().trouble.find("cluster") != std::string::npos);
    test::run_for(p.context, 50);
    CHECK_FALSE(p.first.meets(p.second));
    // Put right, and told so.
    p.first.said.cluster = p.second.said.cluster;
    p.first.peers->forget_refusals();
    CHECK(p.meet());
}

TEST_CASE("peers: a shared secret lets those in who have it", "[replication][net]") {
    pair p;
    p.first.options.security.secret = p.second.options.security.secret = secret;
    p.start();
    CHECK(p.meet());
    // Others of the same cluster without it, or with another, stay out, whoever dials.
    test::net_node wrong{3}, none{4};
    wrong.options.security.secret = secret + "?";
    wrong.start(p.context, {p.second.peers->listening_at()});
    none.start(p.context, {p.second.peers->listening_at()});
    REQUIRE(run_until(p.context, [&] { return wrong.link().refused && none.link().refused; }));
    CHECK(wrong.link().trouble.find("secrets differ") != std::string::npos);
    CHECK(none.link().trouble.find("shared secret") != std::string::npos);
    CHECK_FALSE(p.second.meets(wrong));
    CHECK_FALSE(p.second.meets(none));
}

TEST_CASE("peers: a proof serves one connection, one side and one channel", "[replication][net]") {
    const auto one = as_bytes("one hello"), other = as_bytes("another");
    digest channel{};
    const auto made = make_proof(secret, side::dialed, {one, other, channel}).value();
    CHECK(equal(made, make_proof(secret, side::dialed, {one, other, channel}).value()));
    CHECK_FALSE(equal(made, make_proof(secret, side::accepted, {one, other, channel}).value()));
    CHECK_FALSE(equal(made, make_proof(secret, side::dialed, {other, one, channel}).value()));
    CHECK_FALSE(equal(made, make_proof(secret, side::dialed, {one, as_bytes("anothe"), channel}).value()));
    channel[3] = std::byte{1};
    CHECK_FALSE(equal(made, make_proof(secret, side::dialed, {one, other, channel}).value()));
    CHECK_FALSE(equal(made, make_proof("another secret!!", side::dialed, {one, other, digest{}}).value()));
}

TEST_CASE("peers: TLS with certificates of both sides", "[replication][net]") {
    test::test_authority authority;
    pair p;
    p.first.options.security.tls = authority.issue("first", "DNS:" + full_name(p.first.id()));
    p.second.options.security.tls = authority.issue("second", "DNS:" + full_name(p.second.id()));
    SECTION("of one authority") {
        p.first.options.security.secret = p.second.options.security.secret = secret;  // both at once
        p.start();
        REQUIRE(p.meet());
        const auto large = test::some_frame(1u << 20);
        p.first.peers->send(p.second.id(), large);
        p.second.peers->send(p.first.id(), large);
        CHECK(run_until(p.context, [&] { return p.second.frames.size() == 1 && p.first.frames.size() == 1; }));
        CHECK(p.first.frames[0].second == large);
    }
    SECTION("of another authority") {
        test::test_authority other("other");
        p.first.options.security.tls = other.issue("first", "DNS:" + full_name(p.first.id()));
        p.first.options.security.tls->authority_file = authority.file("authority.pem");
        p.start();
        CHECK(run_until(p.context, [&] {
            return p.first.link().trouble.find("TLS") != std::string::npos ||
                   p.first.link().trouble.find("connection") != std::string::npos;
        }));
        CHECK_FALSE(p.second.meets(p.first));
    }
    SECTION("with another node's certificate") {
        p.first.options.security.tls = authority.issue("first", "DNS:" + full_name(node_id{}));
        p.start();
        REQUIRE(p.refused());
        CHECK(p.first.link().trouble.find("certificate is not node") != std::string::npos);
    }
    SECTION("with any certificate, if that is enough") {
        p.first.options.security.tls = authority.issue("first", "DNS:somebody");
        p.second.options.security.tls->node_in_certificate = false;
        p.start();
        CHECK(p.meet());
    }
    SECTION("with no certificate at all") {
        p.first.options.security.tls.reset();
        p.start();
        test::run_for(p.context, 100);
        CHECK_FALSE(p.second.meets(p.first));
        CHECK_FALSE(p.first.meets(p.second));
    }
}

TEST_CASE("peers: what cannot be secure does not start", "[replication][net]") {
    io_context context;
    test::net_node n{1};
    const auto error_of = [&] {
        auto started = peers::make(context.get_executor(), n.options, n);
        REQUIRE_FALSE(started.has_value());
        return started.error();
    };
    n.options.listen = "0.0.0.0:0";
    CHECK(error_of().code == errc::invalid_argument);
    CHECK(error_of().message.find("insecure") != std::string::npos);
    n.options.listen = "127.0.0.1:0";
    n.options.security.secret = "short";
    CHECK(error_of().message.find("security.secret") == 0);
    CHECK(error_of().message.find("short") == std::string::npos);
    n.options.security.secret.clear();
    n.options.security.tls.emplace();
    n.options.security.tls->authority_file = "/nowhere.pem";
    CHECK(error_of().message.find("security.tls.authority_file: '/nowhere.pem'") == 0);
    n.options.security.tls.reset();
    n.options.addresses = {"127.0.0.1:1", "nowhere"};
    CHECK(error_of().message.find("peers[1]: 'nowhere'") == 0);
    for (const char* text : {":1", "a:", "a:b", "a:70000", "::1:5", "[]:5", "a:1x"})
        CHECK_FALSE(parse_address(text, ""));
    CHECK(parse_address("[::1]:5", "")->host == "::1");

    // Another machine is not dialed in plain text, either.
    n.options.addresses.clear();
    n.start(context, {"192.0.2.1:7401"});
    REQUIRE(run_until(context, [&] { return n.link().refused; }));
    CHECK(n.link().trouble.find("insecure") != std::string::npos);
}

TEST_CASE("peers: strangers do not get far", "[replication][net]") {
    io_context context;
    test::net_node n{1};
    n.options.limits.greeting_ms = 150;
    n.start(context, {});
    stranger s(context, *n.peers);
    SECTION("garbage") { s.say(as_bytes(std::string(100, 'x'))); }
    SECTION("a frame above the limit of strangers") {
        byte_writer out;
        out.put(std::uint32_t{frame_body_bytes_before_auth + 1});
        s.say(out.bytes());
    }
    SECTION("half a frame, then silence") { s.say(as_bytes(hello_of(2)).first(50)); }
    SECTION("silence") {}
    SECTION("another frame than hello") { s.say(test::some_frame()); }
    SECTION("a frame whose checksum is wrong") {
        auto bytes = hello_of(2);
        bytes.back() = static_cast<char>(bytes.back() ^ 1);
        s.say(as_bytes(bytes));
    }
    REQUIRE(run_until(context, [&] { return s.closed(); }));
    CHECK(s.heard.size() == frame_header_bytes + 128);  // its hello
    CHECK(n.frames.empty());
}

TEST_CASE("peers: a node that goes wrong is cut off", "[replication][net]") {
    io_context context;
    test::net_node n{1}, other{2};
    n.options.limits.stalled_ms = 150;
    n.options.limits.queue_bytes_max = 8u << 20;
    n.start(context, {});
    stranger s(context, *n.peers);
    s.say(as_bytes(hello_of(2)));
    REQUIRE(run_until(context, [&] { return n.meets(other); }));
    SECTION("oversize frame") {
        byte_writer out;
        out.put(std::uint32_t{frame_body_bytes_max + 1});
        s.say(out.bytes());
    }
    SECTION("a second hello") { s.say(as_bytes(hello_of(2))); }
    SECTION("it reads nothing") {
        const auto large = test::some_frame(1u << 20);
        for (int i = 0; i < 64; ++i) n.peers->send(other.id(), large);
        CHECK(n.link().queued_bytes <= n.options.limits.queue_bytes_max);
        CHECK(n.link().frames_lost >= 56);
        REQUIRE(run_until(context, [&] { return !n.meets(other); }));
        CHECK(n.losses.back().find("takes nothing") != std::string::npos);
        return;
    }
    REQUIRE(run_until(context, [&] { return s.closed() && !n.meets(other); }));
    CHECK(n.losses.size() == 1);
}

TEST_CASE("peers: strangers are as many as are allowed", "[replication][net]") {
    io_context context;
    test::net_node n{1};
    n.options.strangers_max = 2;
    n.start(context, {});
    std::vector<std::unique_ptr<stranger>> all;
    for (int i = 0; i < 4; ++i) all.push_back(std::make_unique<stranger>(context, *n.peers));
    REQUIRE(run_until(context, [&] { return all[2]->closed() && all[3]->closed(); }));
    CHECK_FALSE(all[0]->closed());
    CHECK_FALSE(all[1]->closed());
}

TEST_CASE("peers: no more is read than may come", "[replication][net]") {
    io_context context;
    test::net_node n{1}, other{2};
    n.options.limits.receive_bytes_per_s = 4u << 20;
    n.start(context, {});
    other.start(context, {n.peers->listening_at()});
    REQUIRE(run_until(context, [&] { return n.meets(other) && other.meets(n); }));
    for (int i = 0; i < 8; ++i) other.peers->send(n.id(), test::some_frame(1u << 20));
    const auto begun = std::chrono::steady_clock::now();
    REQUIRE(run_until(context, [&] { return n.frames.size() == 2; }));
    // A quarter of a second's worth may come at once; of the rest half must have waited.
    CHECK(std::chrono::steady_clock::now() - begun > std::chrono::milliseconds(125));
}

TEST_CASE("peers: who comes back is found again", "[replication][net]") {
    pair p;
    p.start();
    REQUIRE(p.meet());
    const auto address = p.second.peers->listening_at();
    p.second.peers.reset();
    REQUIRE(run_until(p.context, [&] { return !p.first.meets(p.second); }));
    test::run_for(p.context, 30);
    p.second.start(p.context, {}, address);
    REQUIRE(p.meet());
    p.first.peers->send(p.second.id(), test::some_frame());
    CHECK(run_until(p.context, [&] { return p.second.frames.size() == 1; }));
    // It is another node there now.
    p.second.peers.reset();
    p.second.said.node[0] = std::byte{7};
    p.second.start(p.context, {}, address);
    CHECK(p.meet());
    CHECK(p.first.peers->address_of(p.second.id()) == address);
}
