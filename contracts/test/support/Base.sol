// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DatanetRegistry} from "../../src/DatanetRegistry.sol";
import {Disputes} from "../../src/Disputes.sol";
import {FeeEscrow} from "../../src/FeeEscrow.sol";
import {Jury} from "../../src/Jury.sol";
import {ModelRegistry} from "../../src/ModelRegistry.sol";
import {Params} from "../../src/Params.sol";
import {Payout} from "../../src/Payout.sol";
import {ResultLedger} from "../../src/ResultLedger.sol";
import {StakeVault} from "../../src/StakeVault.sol";
import {TypedData} from "../../src/libraries/TypedData.sol";
import {BatchHeader, Charge, Endorsement} from "../../src/types/Batch.sol";
import {Param} from "../../src/types/Param.sol";
import {Exposed} from "./Exposed.sol";
import {VM} from "./Vm.sol";

/// @notice All contracts, wired as `worker/chain/deploy.ts` wires them, with a few keys to sign with.
abstract contract Base {
    uint64 internal constant WINDOW = 100;
    uint64 internal constant EXIT_DELAY = 1000;
    uint64 internal constant EPOCH_SECONDS = 1000;
    uint256 internal constant MINIMUM_WEI = 1 ether;
    uint256 internal constant BOND_WEI = 0.1 ether;
    uint32 internal constant STRICTNESS = 1300;
    uint256 internal constant VALIDATOR = 2;
    uint64 internal constant START = 1_800_000_500;
    address internal constant POSTER = address(0xB0A7);

    Params internal rules;
    StakeVault internal vault;
    FeeEscrow internal escrow;
    Payout internal payout;
    ResultLedger internal ledger;
    ModelRegistry internal models;
    Disputes internal disputes;
    Jury internal jury;
    DatanetRegistry internal datanets;
    Exposed internal exposed;

    /// Keys of validators, ascending by address.
    uint256[] internal validatorKeys;

    receive() external payable {}

    function deploySystem() internal {
        VM.warp(START);
        exposed = new Exposed();
        uint64 nonce = VM.getNonce(address(this));
        rules = Params(create("Params", abi.encode(address(this), EPOCH_SECONDS, initialRules())));
        address ledger_ = VM.computeCreateAddress(address(this), nonce + 4);
        address disputes_ = VM.computeCreateAddress(address(this), nonce + 7);
        address jury_ = VM.computeCreateAddress(address(this), nonce + 8);
        address payout_ = VM.computeCreateAddress(address(this), nonce + 3);
        vault = StakeVault(payable(create("StakeVault", abi.encode(rules, ledger_, disputes_, jury_, payout_))));
        escrow = FeeEscrow(create("FeeEscrow", abi.encode(ledger_, rules)));
        payout = Payout(create("Payout", abi.encode(ledger_)));
        bytes memory wiring = abi.encode(rules, vault, escrow, payout, disputes_, jury_, STRICTNESS);
        ledger = ResultLedger(payable(create("ResultLedger", wiring)));
        datanets = DatanetRegistry(create("DatanetRegistry", abi.encode(rules, vault)));
        models = ModelRegistry(create("ModelRegistry", abi.encode(ledger, rules, datanets)));
        disputes = Disputes(create("Disputes", abi.encode(rules, ledger, vault, models)));
        jury = Jury(create("Jury", abi.encode(rules, ledger, vault)));
    }

    /// @dev The values of `protocol/parameters.ts`, with short waits.
    function initialRules() internal view returns (uint64[] memory values) {
        string memory json = VM.readFile("test/vectors/contracts.json");
        uint256[] memory wide = VM.parseJsonUintArray(json, ".parameters.initial");
        values = new uint64[](wide.length);
        for (uint256 i = 0; i < wide.length; i++) {
            values[i] = uint64(wide[i]);
        }
        values[uint256(Param.WindowSeconds)] = WINDOW;
        values[uint256(Param.ExitDelaySeconds)] = EXIT_DELAY;
        values[uint256(Param.MinimumStakeGwei)] = uint64(MINIMUM_WEI / 1 gwei);
        values[uint256(Param.BatchBondGwei)] = uint64(BOND_WEI / 1 gwei);
    }

    /// @dev Deploys the very bytes that `worker/chain/deploy.ts` deploys.
    function create(string memory name, bytes memory arguments) internal returns (address deployed) {
        string memory json = VM.readFile("contracts/gen/bytecode.json");
        bytes memory code = bytes.concat(VM.parseJsonBytes(json, string.concat(".", name)), arguments);
        assembly ("memory-safe") {
            deployed := create(0, add(code, 32), mload(code))
        }
        require(deployed != address(0), string.concat(name, " was not deployed"));
    }

    function stakeValidators(uint256 count, uint256 stakeWei) internal {
        for (uint256 i = 0; i < count; i++) {
            validatorKeys.push(1000 + i);
        }
        for (uint256 i = 1; i < count; i++) {
            for (uint256 j = i; j > 0 && VM.addr(validatorKeys[j]) < VM.addr(validatorKeys[j - 1]); j--) {
                (validatorKeys[j], validatorKeys[j - 1]) = (validatorKeys[j - 1], validatorKeys[j]);
            }
        }
        for (uint256 i = 0; i < count; i++) {
            stakeFor(validatorKeys[i], VALIDATOR, stakeWei);
        }
    }

    /// @dev This contract becomes the owner.
    function stakeFor(uint256 nodeKey, uint256 roles, uint256 stakeWei) internal {
        VM.deal(address(this), address(this).balance + stakeWei);
        address node = VM.addr(nodeKey);
        vault.stake{value: stakeWei}(node, roles, consent(nodeKey, address(this), roles, vault.member(node).nonce));
    }

    function consent(uint256 nodeKey, address owner, uint256 roles, uint256 nonce)
        internal
        view
        returns (bytes memory)
    {
        bytes32 hash = TypedData.hashNodeConsent(VM.addr(nodeKey), owner, roles, nonce);
        return signature(nodeKey, typed(address(vault), hash));
    }

    function charge(uint256 payerKey, uint256 feeWei, uint256 cumulativeWei) internal view returns (Charge memory) {
        address payer = VM.addr(payerKey);
        bytes32 hash = TypedData.hashVoucher(payer, cumulativeWei);
        (bytes32 r, bytes32 vs) = compact(payerKey, typed(address(escrow), hash));
        return Charge(payer, uint96(feeWei), uint96(cumulativeWei), r, vs);
    }

    function endorsement(uint256 key, BatchHeader memory header) internal view returns (Endorsement memory) {
        bytes32 hash = TypedData.hashEndorsement(VM.addr(key), exposed.hashHeader(header));
        (bytes32 r, bytes32 vs) = compact(key, typed(address(ledger), hash));
        return Endorsement(VM.addr(key), r, vs);
    }

    /// @notice A header that collects `feeWei` and promises `payoutWei`, in the epoch that runs.
    function headerFor(uint64 number, uint256 feeWei, Charge[] memory charges)
        internal
        view
        returns (BatchHeader memory header)
    {
        header.number = number;
        header.epoch = rules.epoch();
        header.proposer = VM.addr(validatorKeys[0]);
        header.receiptsRoot = keccak256(abi.encode("receipts", number));
        header.receiptCount = 10;
        header.feeWei = feeWei;
        header.collectedWei = feeWei;
        header.charges = exposed.hashCharges(charges);
        header.strictness = STRICTNESS;
        header.data = "bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
    }

    /// @dev The next call posts a batch: the ledger takes none from a contract.
    function asPoster() internal {
        VM.prank(POSTER, POSTER);
    }

    /// @dev By the first `count` validators.
    function endorsements(BatchHeader memory header, uint256 count)
        internal
        view
        returns (Endorsement[] memory signed)
    {
        signed = new Endorsement[](count);
        for (uint256 i = 0; i < count; i++) {
            signed[i] = endorsement(validatorKeys[i], header);
        }
    }

    /// @notice The digest that is signed for a contract, built from EIP-712 alone.
    function typed(address verifier, bytes32 hash) internal view returns (bytes32) {
        bytes32 separator = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Tributary"),
                keccak256("1"),
                block.chainid,
                verifier
            )
        );
        return keccak256(abi.encodePacked(hex"1901", separator, hash));
    }

    function signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev The short form of EIP-2098.
    function compact(uint256 key, bytes32 digest) internal pure returns (bytes32 r, bytes32 vs) {
        uint8 v;
        bytes32 s;
        (v, r, s) = VM.sign(key, digest);
        vs = bytes32(uint256(s) | (uint256(v - 27) << 255));
    }

    /// @dev The other solution of the same signature: s to n - s, and v flipped.
    function withHighS(bytes memory given) internal pure returns (bytes memory) {
        bytes32 r;
        bytes32 s;
        assembly ("memory-safe") {
            r := mload(add(given, 32))
            s := mload(add(given, 64))
        }
        uint256 n = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        return abi.encodePacked(r, n - uint256(s), uint8(given[64]) == 27 ? uint8(28) : uint8(27));
    }

    function equal(uint256 actual, uint256 expected, string memory what) internal pure {
        require(actual == expected, string.concat(what, ": ", VM.toString(actual), " != ", VM.toString(expected)));
    }

    function clamp(uint256 seed, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + seed % (high - low + 1);
    }
}
