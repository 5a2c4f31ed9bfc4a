// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Head, Share} from "../../src/Disputes.sol";
import {Placed, Way} from "../../src/libraries/Evidence.sol";
import {BatchHeader} from "../../src/types/Batch.sol";
import {Pedigree} from "../../src/types/Model.sol";
import {Param} from "../../src/types/Param.sol";
import {Receipt} from "../../src/types/Receipt.sol";
import {LedgerBase} from "./LedgerBase.sol";
import {Spans} from "./Spans.sol";
import {Trees} from "./Trees.sol";
import {VM} from "./Vm.sol";

/// @notice An adapter with both its indexes, registered, and batches of answers made with it.
abstract contract DisputeBase is LedgerBase {
    string internal constant BASE = "bafybase";
    string internal constant ADAPTER = "bafyadapter";
    uint32 internal constant SYMBOLS = 140;
    uint256 internal constant WORKER_KEY = 600;

    Spans internal spans;
    bytes32 internal influenceRoot;
    /// Coordinates of an answer, and of the sums of two contributors with one and three rows.
    bytes internal query;
    bytes[2] internal vectors;
    uint64[2] internal rows = [uint64(1), 3];
    address[2] internal contributors = [address(0xC1), address(0xC2)];
    /// The run that the answer cites, and how often it occurs.
    uint32[] internal run;
    uint256 internal runFrom;
    uint32 internal occurrences;
    mapping(uint64 number => BatchHeader) internal headerOf;

    function setUpDisputes(uint256 coordinates) internal {
        setUpLedger();
        stakeFor(WORKER_KEY, 1, STAKE_WEI);
        _fillIndexes(coordinates);
        Receipt memory tune = receiptOf(1);
        tune.task = "fine-tune";
        tune.adapter = "";
        tune.output = ADAPTER;
        tune.requester = address(this);
        tune.attribution = exposed.indexesRoot(influenceRoot, spans.root());
        Placed memory placed = settle(tune);
        passTime(WINDOW);
        ledger.finalise(placed.header);
        Pedigree memory pedigree;
        pedigree.owner = address(this);
        models.register(placed.header, tune, placed.index, placed.siblings, pedigree);
    }

    function receiptOf(uint256 number) internal pure returns (Receipt memory receipt) {
        receipt.jobId = keccak256(abi.encode("job", number));
        receipt.task = "inference";
        receipt.requester = address(0x4E9);
        receipt.worker = VM.addr(WORKER_KEY);
        receipt.claim = keccak256(abi.encode("claim", number));
        receipt.model = BASE;
        receipt.adapter = ADAPTER;
        receipt.output = "bafyoutput";
    }

    /// @notice The receipt of an answer that says these scores and this count.
    function answer(uint256 number, int64[2] memory scores, uint32 count)
        internal
        view
        returns (Receipt memory receipt)
    {
        receipt = receiptOf(number);
        receipt.attribution = Trees.rootOf(leavesOf(scores, count));
    }

    /// @notice Head, two shares and a span.
    function leavesOf(int64[2] memory scores, uint32 count) internal view returns (bytes[] memory leaves) {
        leaves = new bytes[](4);
        leaves[0] = exposed.headLeaf(3, 99, query);
        leaves[1] = exposed.shareLeaf(contributors[0], rows[0], scores[0]);
        leaves[2] = exposed.shareLeaf(contributors[1], rows[1], scores[1]);
        leaves[3] = exposed.spanLeaf(count, runBytes());
    }

    /// @notice Posts a batch of this receipt and three others, and shows where it stands.
    function settle(Receipt memory receipt) internal returns (Placed memory) {
        Receipt[] memory receipts = new Receipt[](4);
        (receipts[0], receipts[1]) = (receiptOf(uint256(receipt.jobId) ^ 1), receiptOf(uint256(receipt.jobId) ^ 2));
        (receipts[2], receipts[3]) = (receipt, receiptOf(uint256(receipt.jobId) ^ 3));
        return settle(receipts)[2];
    }

    function settle(Receipt[] memory receipts) internal returns (Placed[] memory placed) {
        (uint64 posted,,, uint256 openWei,) = ledger.progress();
        BatchHeader memory header = leaving(posted + 1, 1 ether, openWei);
        bytes32[] memory leaves = new bytes32[](receipts.length);
        for (uint256 i = 0; i < receipts.length; i++) {
            leaves[i] = exposed.hashReceipt(receipts[i]);
        }
        header.receiptsRoot = Trees.root(leaves);
        header.receiptCount = uint32(receipts.length);
        post(header);
        headerOf[header.number] = header;
        placed = new Placed[](receipts.length);
        for (uint256 i = 0; i < receipts.length; i++) {
            placed[i] = Placed(header, receipts[i], i, Trees.proof(leaves, i));
        }
    }

    function takeBack(Placed memory placed) internal {
        ledger.takeBack(placed.header, headerOf[placed.header.number - 1]);
    }

    function trueScores() internal view returns (int64[2] memory scores) {
        for (uint256 i = 0; i < 2; i++) {
            scores[i] = int64(exposed.dot(vectors[i], query));
        }
    }

    function sums() internal view returns (bytes[] memory leaves) {
        leaves = new bytes[](2);
        for (uint256 i = 0; i < 2; i++) {
            leaves[i] = exposed.sumLeaf(contributors[i], rows[i], vectors[i]);
        }
    }

    /// @notice The case against the score that an answer gives one of the contributors.
    function accuseScore(Placed memory placed, int64[2] memory scores, uint32 count, uint256 index) internal {
        bytes[] memory leaves = leavesOf(scores, count);
        Way[3] memory ways;
        (ways[0], ways[1]) = (Trees.wayOf(leaves, 0), Trees.wayOf(leaves, 1 + index));
        ways[2] = Trees.wayOf(sums(), index);
        Share memory share = Share(contributors[index], rows[index], scores[index]);
        disputes.falseScore(
            placed, Head(3, 99, query), share, influenceRoot, spans.root(), rows[index], vectors[index], ways
        );
    }

    function runBytes() internal view returns (bytes memory packed) {
        for (uint256 i = 0; i < run.length; i++) {
            packed = abi.encodePacked(packed, run[i]);
        }
    }

    function bondWei() internal view returns (uint256) {
        return uint256(rules.valueAt(Param.ChallengeBondGwei, rules.epoch())) * 1 gwei;
    }

    function requireFaulty(uint64 number, string memory what) internal view {
        (,, uint64 faulty,,) = ledger.progress();
        equal(faulty, number, what);
    }

    /// @dev Coordinates of a byte in the first sum and of two in the second; a text of five tokens.
    function _fillIndexes(uint256 coordinates) private {
        bytes memory wide = new bytes(2 * coordinates);
        (query, vectors[0]) = (new bytes(coordinates), new bytes(coordinates));
        for (uint256 i = 0; i < coordinates; i++) {
            bytes32 random = keccak256(abi.encode("coordinate", i));
            (query[i], vectors[0][i], wide[2 * i], wide[2 * i + 1]) = (random[0], random[1], random[2], random[3]);
        }
        vectors[1] = wide;
        influenceRoot = Trees.rootOf(sums());
        uint32[] memory symbols = new uint32[](SYMBOLS);
        for (uint32 i = 0; i < SYMBOLS; i++) {
            symbols[i] = 1 + uint32(uint256(keccak256(abi.encode("symbol", i))) % 5);
        }
        spans = new Spans(symbols);
        // What stands across the border of two leaves of the text, so that the overlap is read.
        run = [symbols[127] - 1, symbols[128] - 1];
        uint256 count;
        (runFrom, count) = spans.find(run);
        occurrences = uint32(count);
    }
}
