// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Account} from "../../src/libraries/Escrows.sol";
import {Batch} from "../../src/libraries/Batches.sol";
import {SumNode} from "../../src/libraries/MerkleTree.sol";
import {BatchHeader, Charge, Endorsement} from "../../src/types/Batch.sol";
import {Base} from "./Base.sol";
import {Trees} from "./Trees.sol";
import {VM} from "./Vm.sol";

/**
 * @notice A whole network's dealings with the contracts, in any order: deposits, exits, batches good and bad, ends of
 * windows, claims. Keeps its own books to compare with.
 */
contract SettlementHandler is Base {
    uint256 public constant PAYERS = 3;
    uint256 public constant PAYEES = 5;

    uint256 public depositedWei;
    uint256 public withdrawnWei;
    /// Fees of all posted batches, and of the final ones, in wei.
    uint256 public feesWei;
    uint256 public finalFeesWei;
    uint64 public posted;
    uint64 public finalised;
    /// Things that must never work, and did.
    uint256 public scandals;
    uint256 public claims;

    uint256[] private _payerKeys;
    address[] private _payers;
    address[] private _payees;
    /// What each payee has earned after each batch.
    mapping(uint64 number => uint256[]) private _earned;

    constructor() {
        deploySystem();
        stakeValidators(3, 10 ether);
        for (uint256 i = 0; i < PAYERS; i++) {
            _payerKeys.push(3000 + i);
        }
        for (uint256 i = 1; i < PAYERS; i++) {
            for (uint256 j = i; j > 0 && VM.addr(_payerKeys[j]) < VM.addr(_payerKeys[j - 1]); j--) {
                (_payerKeys[j], _payerKeys[j - 1]) = (_payerKeys[j - 1], _payerKeys[j]);
            }
        }
        for (uint256 i = 0; i < PAYERS; i++) {
            _payers.push(VM.addr(_payerKeys[i]));
        }
        for (uint160 i = 0; i < PAYEES; i++) {
            _payees.push(address(0xFACE00 + i));
        }
        _earned[0] = new uint256[](PAYEES);
    }

    function contracts() external view returns (address, address, address) {
        return (address(escrow), address(ledger), address(payout));
    }

    function payer(uint256 index) public view returns (address) {
        return _payers[index];
    }

    function payee(uint256 index) external view returns (address) {
        return _payees[index];
    }

    /// @notice What a payee has earned after the newest final batch, in wei.
    function earnedWei(uint256 index) external view returns (uint256) {
        return _earned[finalised][index];
    }

    function deposit(uint256 seed, uint96 amountWei) external {
        VM.deal(address(this), amountWei);
        escrow.deposit{value: amountWei}(payer(seed % PAYERS));
        depositedWei += amountWei;
    }

    function requestExit(uint256 seed, uint256 amountWei) external {
        address account = payer(seed % PAYERS);
        uint256 upToWei = escrow.account(account).balanceWei;
        VM.prank(account);
        escrow.requestExit(clamp(amountWei, 0, upToWei));
    }

    /// @dev Tried at any time; what it pays is noted, whether it ought to or not.
    function withdraw(uint256 seed) external {
        address account = payer(seed % PAYERS);
        uint256 beforeWei = account.balance;
        VM.prank(account);
        try escrow.withdraw() {
            withdrawnWei += account.balance - beforeWei;
        } catch {}
    }

    /// @dev Often less than a window, sometimes more than the delay of an exit.
    function passTime(uint256 seconds_) external {
        VM.warp(block.timestamp + clamp(seconds_, 0, 2 * EXIT_DELAY));
    }

    function post(uint256 seed) external {
        (BatchHeader memory header, Charge[] memory charges, uint256[] memory earned) = _batch(seed);
        ledger.post(header, endorsements(header, 2 + seed % 2), charges);
        posted++;
        feesWei += header.feeWei;
        _earned[posted] = earned;
    }

    /// @notice A batch with one thing wrong.
    function postBadly(uint256 seed) external {
        (BatchHeader memory header, Charge[] memory charges,) = _batch(seed);
        uint256 fault = seed % 8;
        if (fault == 0) header.number++;
        if (fault == 1) header.number--;
        if (fault == 2) header.payoutWei = feesWei + header.feeWei + 1;
        if (fault == 3) header.feeWei++;
        if (fault == 4) charges[0].feeWei += 1 ether;
        if (fault == 4) header.feeWei += 1 ether;
        if (fault == 5) {
            // One wei more than the payer has promised, all else being right.
            Account memory known = escrow.account(charges[0].payer);
            charges[0].feeWei = uint256(known.authorisedWei) - known.redeemedWei + 1;
            charges[0].cumulativeWei = known.authorisedWei;
            header.feeWei = charges[0].feeWei + charges[1].feeWei + charges[2].feeWei;
            header.charges = exposed.hashCharges(charges);
        }
        Endorsement[] memory signed = endorsements(header, fault == 6 ? 1 : 3);
        if (fault == 7) signed[1] = signed[0];
        try ledger.post(header, signed, charges) {
            scandals++;
        } catch {}
    }

    function finalise(uint256 seed) external {
        // Every other time the right one, or little would ever be final.
        uint64 number = seed % 2 == 0 ? finalised + 1 : uint64(clamp(seed >> 1, 1, posted + 1));
        try ledger.finalise(number) {
            if (number != finalised + 1 || block.timestamp < ledger.batchOf(number).finalAt) scandals++;
            finalised = number;
            finalFeesWei += ledger.batchOf(number).feeWei;
        } catch {}
    }

    /// @notice Claims against the root of any batch; only the newest final one's may be taken.
    function claim(uint256 seed, uint256 extraWei) external {
        uint256 index = seed % PAYEES;
        uint64 number = seed >> 8 & 1 == 0 ? finalised : uint64(clamp(seed >> 9, 0, posted));
        uint256[] memory earned = _earned[number];
        SumNode[] memory siblings = Trees.sumProof(_payees, earned, index);
        uint256 beforeWei = _payees[index].balance;
        uint256 amountWei = earned[index];
        if (extraWei % 3 == 0) {
            // More than was earned, and subtotals forged to leave room for it.
            amountWei += 1 + extraWei % 1 ether;
            for (uint256 i = 0; i < siblings.length; i++) {
                siblings[i].sumWei = 0;
            }
        }
        try payout.claim(_payees[index], amountWei, index, siblings) {
            claims++;
            if (amountWei > _earned[finalised][index]) scandals++;
            if (_payees[index].balance != amountWei || beforeWei >= amountWei) scandals++;
        } catch {}
    }

    /// @dev Fees that the payers can pay, vouchers that reach, payouts that grow by at most the fees.
    function _batch(uint256 seed)
        private
        view
        returns (BatchHeader memory header, Charge[] memory charges, uint256[] memory earned)
    {
        charges = new Charge[](PAYERS);
        header.number = posted + 1;
        for (uint256 i = 0; i < PAYERS; i++) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            Account memory known = escrow.account(payer(i));
            uint256 feeWei = clamp(random, 0, known.balanceWei);
            uint256 reachWei = known.redeemedWei + feeWei + (random >> 128) % 1 ether;
            charges[i] = charge(_payerKeys[i], feeWei, reachWei);
            header.feeWei += feeWei;
        }
        earned = new uint256[](PAYEES);
        for (uint256 i = 0; i < PAYEES; i++) {
            uint256 random = uint256(keccak256(abi.encode(seed, "payee", i)));
            earned[i] = _earned[posted][i] + clamp(random, 0, header.feeWei / PAYEES);
        }
        SumNode memory root = Trees.sumRoot(_payees, earned);
        header.charges = exposed.hashCharges(charges);
        header.payoutRoot = root.hash;
        header.payoutCount = uint32(PAYEES);
        header.payoutWei = root.sumWei;
        header.receiptCount = 1;
    }
}
