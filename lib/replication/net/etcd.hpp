/// The coordinator that is etcd: leases, terms and who leads, through its JSON gateway (v3). One transaction compares and
/// sets both who leads and the term, so that no term is given twice.
/// Keys, under `/vecstore/<cluster>/`: `leader` (bound to a lease; who, where, session, term) and `term` (decimal, for good).
///
/// What is true of etcd, and so is obeyed here: a lease gets the time to live that comes back, not the one that was asked for;
/// a campaign whose answer was lost has been won when the holder is this run; an extension without a time to live
/// means that the lease is gone; a read proves nothing, so a lease that was found is extended before it counts.
/// Renewals have a connection of their own, so that nothing slow delays them. Whoever waits for the leadership asks again and
/// again instead of watching: one more kind of stream that may hang would gain a few tenths of a second.
/// Thread safety: one thread at a time, that of the executor.
#pragma once

#include "../ports.hpp"
#include "etcd_reply.hpp"
#include "http_client.hpp"

#include <vecstore/replication/coordinator.hpp>

#include <functional>
#include <memory>
#include <optional>

namespace vecstore::replication::net {

class etcd_coordinator final : public coordinator {
public:
    struct identity {
        node_id cluster{};
        node_id node{};
        std::string address;  ///< of this node, for others
    };
    using listener_function = std::function<void(const coordinator_reply&)>;

    /// `answered` gets what the replica is to be told, from the executor.
    /// Errors: invalid_argument (endpoints, time to live, certificates).
    [[nodiscard]] static result<std::unique_ptr<etcd_coordinator>> make(const boost::asio::any_io_executor& run_on,
                                                                        const etcd_options& options,
                                                                        const identity& who,
                                                                        const listener_function& answered);
    ~etcd_coordinator() override;

    void ask(const coordinator_request& request) override;
    /// Who led when etcd was asked last.
    [[nodiscard]] const std::optional<etcd_leader>& leader() const noexcept { return leader_; }
    /// Why it gave no answer last; empty: it did.
    [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }
    /// Requests that it gave no answer to.
    [[nodiscard]] std::uint64_t failures() const noexcept { return failures_; }

private:
    struct campaign;
    using then = std::function<void(result<http_reply>)>;

    etcd_coordinator(const boost::asio::any_io_executor& run_on, const etcd_options& options, const identity& who,
                     const std::vector<http_endpoint>& at, const tls_context& tls, const listener_function& answered);

    void call(http_client& over, const char* path, std::string body, then next, bool again = true);
    void look(const coordinator_request& request);
    void begin_campaign(const coordinator_request& request);
    void compete(const std::shared_ptr<campaign>& c);
    void judge(const std::shared_ptr<campaign>& c, const result<http_reply>& reply);
    void found(const coordinator_request& request, const etcd_value& holder);
    void extend(const coordinator_request& request, std::uint64_t lease, std::uint64_t term);
    void revoke(std::uint64_t lease);
    void give(const coordinator_request& request, coordinator_reply reply);
    void give_up(const coordinator_request& request, const error& why);
    [[nodiscard]] bool is_current(const coordinator_request& request) const noexcept { return request.id == current_; }
    [[nodiscard]] std::string read_both() const;
    [[nodiscard]] std::string key(const char* name) const { return prefix_ + name; }

    const etcd_options options_;
    const identity who_;
    const std::string prefix_;
    const listener_function answered_;
    http_client renewals_, others_;
    std::uint64_t current_ = 0;  ///< the request that an answer is still wanted for
    std::uint64_t lease_ = 0, lease_term_ = 0;
    std::string token_;
    std::string trouble_;
    std::uint64_t failures_ = 0;
    std::optional<etcd_leader> leader_;
};

}  // namespace vecstore::replication::net
