// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Account} from "../../src/libraries/Escrows.sol";
import {Member} from "../../src/libraries/Stakes.sol";
import {BatchHeader, Charge, Endorsement} from "../../src/types/Batch.sol";
import {Receipt} from "../../src/types/Receipt.sol";
import {Base} from "./Base.sol";
import {Trees} from "./Trees.sol";
import {Settled} from "./Settled.sol";
import {VM} from "./Vm.sol";

/// @notice What a handler remembers of a batch that was posted.
struct Kept {
    BatchHeader header;
    Charge[] charges;
    /// What each payee has earned after it.
    uint256[] earned;
    bytes32 headerHash;
    address worker;
    /// The node that proposed it.
    uint256 node;
    bool isFinal;
    bool isVoid;
    bool isGivenBack;
}

/// @notice The words of `Kept`.
struct Brief {
    bytes32 headerHash;
    uint64 number;
    uint256 collectedWei;
    uint256 openWei;
    uint256 node;
    bool isFinal;
    bool isVoid;
    bool isGivenBack;
}

/// @notice The books of a whole network, kept beside the contracts' own.
abstract contract SettlementState is Base {
    uint256 public constant PAYERS = 3;
    uint256 public constant PAYEES = 5;
    uint256 public constant NODES = 4;
    uint256 internal constant RECEIPTS = 2;
    address public constant REPORTER = address(0xC0FFEE);
    /// The first key of the node that passes all answers.
    uint256 internal constant AUDITOR_KEY = 2000;

    /// All that ever came in from nowhere, in wei.
    uint256 public cameWei;
    /// Things that must never work, and did.
    uint256 public scandals;
    /// Calls so far: what rounding may cost.
    uint256 public steps;
    /// Number of the newest posted and final batches, and of the oldest false one.
    uint64 public posted;
    uint64 public finalised;
    uint64 public faulty;
    /// The batch whose payouts may be claimed, by its place in `kept`; one that nobody posted is the first.
    uint256 public paying;
    uint256 public fundedWei;
    uint256[] internal payerKeys;
    /// The last is the vault, whose part is the stakers'.
    address[] internal payees;
    /// The key that each node has, and all keys that nodes ever had.
    uint256[] internal keys;
    address[] internal accounts;
    Kept[] internal kept;
    /// Places in `kept` by number.
    mapping(uint64 number => uint256) internal places;

    modifier step() {
        steps++;
        _;
    }

    constructor() {
        deploySystem();
        for (uint256 i = 0; i < PAYERS; i++) {
            payerKeys.push(3000 + i);
        }
        uint256[] memory sorted = payerKeys;
        sort(sorted);
        payerKeys = sorted;
        for (uint160 i = 0; i < PAYEES - 1; i++) {
            payees.push(address(0xFACE00 + i));
        }
        payees.push(address(vault));
        for (uint256 i = 0; i < NODES; i++) {
            keys.push(AUDITOR_KEY + i);
            accounts.push(VM.addr(AUDITOR_KEY + i));
            stakeFor(keys[i], VALIDATOR, 10 ether);
            cameWei += 10 ether;
        }
        kept.push().earned = new uint256[](PAYEES);
    }

    function contracts() external view returns (address[6] memory) {
        return [address(vault), address(escrow), address(ledger), address(payout), address(disputes), address(jury)];
    }

    function keptCount() external view returns (uint256) {
        return kept.length;
    }

    /// @notice The words of a batch, without its lists.
    function brief(uint256 place) external view returns (Brief memory) {
        Kept storage batch = kept[place];
        return Brief({
            headerHash: batch.headerHash,
            number: batch.header.number,
            collectedWei: batch.header.collectedWei,
            openWei: batch.header.openWei,
            node: batch.node,
            isFinal: batch.isFinal,
            isVoid: batch.isVoid,
            isGivenBack: batch.isGivenBack
        });
    }

    function earnedAt(uint256 place, uint256 index) external view returns (uint256) {
        return kept[place].earned[index];
    }

    function payer(uint256 index) public view returns (address) {
        return VM.addr(payerKeys[index]);
    }

    function payee(uint256 index) external view returns (address) {
        return payees[index];
    }

    function node(uint256 index) public view returns (address) {
        return VM.addr(keys[index]);
    }

    function accountCount() external view returns (uint256) {
        return accounts.length;
    }

    function accountAt(uint256 index) external view returns (address) {
        return accounts[index];
    }

    function fund(uint256 amountWei) internal {
        VM.deal(address(this), address(this).balance + amountWei);
        cameWei += amountWei;
    }

    function isActive(uint256 index) internal view returns (bool) {
        Member memory known = vault.member(node(index));
        return known.owner != address(0) && known.exitAt == 0;
    }

    /// @notice A node that may propose, from the one named on; `NODES` where there is none.
    function proposer(uint256 seed) internal view returns (uint256) {
        for (uint256 i = 0; i < NODES; i++) {
            uint256 index = (seed % NODES + i) % NODES;
            Member memory known = vault.member(node(index));
            if (isActive(index) && known.stakeWei - known.lockedWei >= BOND_WEI) return index;
        }
        return NODES;
    }

    function signedByAll(BatchHeader memory header) internal view returns (Endorsement[] memory signed) {
        uint256[] memory active = new uint256[](NODES);
        uint256 count = 0;
        for (uint256 i = 0; i < NODES; i++) {
            if (isActive(i)) active[count++] = keys[i];
        }
        assembly ("memory-safe") {
            mstore(active, count)
        }
        sort(active);
        signed = new Endorsement[](count);
        for (uint256 i = 0; i < count; i++) {
            signed[i] = endorsement(active[i], header);
        }
    }

    /// @notice The receipt at a place of a batch, shown.
    function settledAt(uint256 place, uint256 index) internal view returns (Settled memory) {
        (bytes32[] memory leaves, Receipt[] memory receipts) = _receipts(place, kept[place].worker);
        return Settled(kept[place].header, receipts[index], index, Trees.proof(leaves, index));
    }

    function receiptsRoot(uint256 place, address worker) internal view returns (bytes32) {
        (bytes32[] memory leaves,) = _receipts(place, worker);
        return Trees.root(leaves);
    }

    function balanceOf(uint256 index) internal view returns (uint256) {
        Account memory known = escrow.account(payer(index));
        return known.depositedWei - known.redeemedWei;
    }

    function sort(uint256[] memory list) internal pure {
        for (uint256 i = 1; i < list.length; i++) {
            for (uint256 j = i; j > 0 && VM.addr(list[j]) < VM.addr(list[j - 1]); j--) {
                (list[j], list[j - 1]) = (list[j - 1], list[j]);
            }
        }
    }

    /// @dev A batch's receipts follow from its place: no job is settled twice.
    function _receipts(uint256 place, address worker)
        private
        view
        returns (bytes32[] memory leaves, Receipt[] memory receipts)
    {
        receipts = new Receipt[](RECEIPTS);
        leaves = new bytes32[](RECEIPTS);
        for (uint256 i = 0; i < RECEIPTS; i++) {
            receipts[i].jobId = keccak256(abi.encode("job", place, i));
            receipts[i].claim = keccak256(abi.encode("claim", place, i));
            receipts[i].task = "inference";
            receipts[i].worker = worker;
            receipts[i].passedBy = new address[](1);
            receipts[i].passedBy[0] = VM.addr(AUDITOR_KEY);
            leaves[i] = exposed.hashReceipt(receipts[i]);
        }
    }
}
